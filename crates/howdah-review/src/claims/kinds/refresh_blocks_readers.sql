-- claim: refreshing a materialized view blocks its readers
-- says: refresh ; block|concurrent refresh
-- like: The refresh will block readers
-- unlike: The refresh is hourly
-- rows: TRUE A reader had to wait until the refresh was committed. CONCURRENTLY, with a unique index, it does not.
-- none: FALSE The reader came through.
create table item (id int);
create materialized view items as select count(*) as n from item;
-- session a
begin;
refresh materialized view items;
-- session b waits
create temp table waited as select n from items;
-- session a
commit;
-- session b
select n from waited;
