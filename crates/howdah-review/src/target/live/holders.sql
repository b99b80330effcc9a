-- What holds an old transaction of this database, and so keeps rows that died since.
select x.kind, x.name, x.age::int8, x.since::float8
from (
  select 'session' as kind,
         'process ' || a.pid || ' of ' || a.usename || ', ' || coalesce(a.state, 'unknown') as name,
         greatest(pg_catalog.age(a.backend_xid), pg_catalog.age(a.backend_xmin)) as age,
         extract(epoch from a.xact_start) as since
  from pg_catalog.pg_stat_activity a
  where a.datname = pg_catalog.current_database() and a.backend_type = 'client backend'
    and a.pid <> pg_catalog.pg_backend_pid() and a.query !~* '^\s*vacuum\M'
  union all
  select 'prepared transaction', p.gid, pg_catalog.age(p.transaction),
         extract(epoch from p.prepared)
  from pg_catalog.pg_prepared_xacts p
  where p.database = pg_catalog.current_database()
  union all
  select 'replication slot', s.slot_name::text, pg_catalog.age(s.xmin), null
  from pg_catalog.pg_replication_slots s
  union all
  select 'standby', r.application_name, pg_catalog.age(r.backend_xmin), null
  from pg_catalog.pg_stat_replication r
) x
where x.age is not null
order by x.age desc, x.kind, x.name
