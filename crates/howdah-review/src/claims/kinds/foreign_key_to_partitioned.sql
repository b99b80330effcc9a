-- claim: foreign keys cannot refer to partitioned tables
-- says: ^fks|foreign key ; partitioned table ; n't support|not support|unsupported|cannot|can't|will fail
-- like: Foreign keys that refer to partitioned tables are unsupported
-- unlike: Foreign keys to partitioned tables work
-- fails 23503: FALSE A foreign key to a partitioned table can be made, and it holds (since PostgreSQL 12): {}.
create table parent (id bigint, at timestamptz, primary key (id, at)) partition by range (at);
create table parent_2024 partition of parent for values from ('2024-01-01') to ('2025-01-01');
create table child (parent bigint, at timestamptz,
  foreign key (parent, at) references parent (id, at));
insert into parent values (1, '2024-05-01');
insert into child values (1, '2024-05-01');
insert into child values (2, '2024-05-01');
