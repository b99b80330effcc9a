-- What is known of the database in use beside its catalog; one row, only what any login may read.
select pg_catalog.age(d.datfrozenxid)::int8,
       pg_catalog.current_setting('autovacuum_freeze_max_age')::int8,
       coalesce((select pg_catalog.array_agg(x.datname::text order by x.datname)
                 from pg_catalog.pg_database x where x.datconnlimit = -2), '{}'),
       coalesce((select pg_catalog.array_agg(s.name order by s.name)
                 from pg_catalog.pg_settings s where s.pending_restart), '{}'),
       coalesce((select pg_catalog.array_agg(x.setting order by x.setting)
                 from (select pg_catalog.unnest(r.setconfig) as setting
                       from pg_catalog.pg_db_role_setting r
                       where r.setdatabase in (0, d.oid)) x), '{}'),
       pg_catalog.inet_server_addr() is null
         or pg_catalog.host(pg_catalog.inet_server_addr()) in ('127.0.0.1', '::1')
from pg_catalog.pg_database d
where d.datname = pg_catalog.current_database()
