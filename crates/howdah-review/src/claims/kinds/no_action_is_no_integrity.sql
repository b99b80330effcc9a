-- claim: a foreign key without ON DELETE does not keep integrity
-- says: foreign key|^fks ; no on delete|without on delete
-- like: Foreign keys without ON DELETE lack integrity
-- unlike: Foreign keys have ON DELETE CASCADE
-- fails 23503: FALSE Without a word about it, deleting what is referred to is refused: {}.
-- rows: TRUE The parent could be deleted.
create table parent (id int primary key);
create table child (parent int references parent);
insert into parent values (1);
insert into child values (1);
delete from parent;
select 'deleted';
