-- claim: every change of the schema needs downtime
-- says: downtime ; every change|each change|all changes
-- like: Each change of the schema will mean downtime
-- unlike: Some changes need downtime
-- rows: FALSE A column with a default was added while a reader held its transaction open, and the table was not written anew ({}).
-- none: TRUE HERE The table was written anew.
create table part (id int);
insert into part select generate_series(1, 1000);
create table file as select pg_relation_filenode('part') as before;
alter table part add column seen_at timestamptz not null default now();
create index concurrently part_id on part (id);
select 'file ' || before || ' before and after' from file
  where before = pg_relation_filenode('part');
