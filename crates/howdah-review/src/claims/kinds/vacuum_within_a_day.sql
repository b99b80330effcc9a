-- claim: a table that was not vacuumed for a day, or never, needs it
-- code: last_autovacuum ; 'urgent'|'never'
-- says: urgent ; vacuum
-- like: case when last_autovacuum is null then 'NEVER' when last_autovacuum < now() then 'URGENT' end
-- unlike: vacuum the table
-- rows: FALSE A table that never changed is called NEVER with {} dead rows; autovacuum comes when there is something to do.
-- none: NOT PROVABLE The statistics were not there in time.
create table quiet (id int);
select n_dead_tup from pg_stat_user_tables
where relname = 'quiet' and last_autovacuum is null and n_dead_tup = 0;
