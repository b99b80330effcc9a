-- The locks that this transaction holds on tables, with what tells a rewrite and a scan.
select c.oid, n.nspname::text, c.relname::text, l.mode, c.relfilenode,
       pg_catalog.pg_stat_get_xact_numscans(c.oid)
from pg_catalog.pg_locks l
join pg_catalog.pg_class c on c.oid = l.relation
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where l.pid = pg_catalog.pg_backend_pid()
  and l.locktype = 'relation'
  and l.granted
  and c.relkind in ('r', 'p', 'm')
  and c.relpersistence <> 't'
  and n.nspname not like 'pg\_%'
  and n.nspname <> 'information_schema'
