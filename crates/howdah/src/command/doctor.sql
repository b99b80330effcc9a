-- Facts about the session and the server that decide whether howdah works, and works well.
select has_database_privilege(current_database(), 'temp'),
       current_setting('fsync'),
       current_setting('synchronous_commit'),
       current_setting('full_page_writes'),
       pg_is_in_recovery(),
       current_setting('max_connections')::int
           - (select count(*) from pg_stat_activity where backend_type = 'client backend')::int
