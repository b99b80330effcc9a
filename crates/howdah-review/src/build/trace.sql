-- The locks that this transaction holds on tables, with what tells a rewrite and a scan. It runs
-- after every statement: the function instead of its view, and no table of the catalog (their
-- numbers are below 16384), since planning is most of its cost.
select c.oid, n.nspname::text, c.relname::text, l.mode, c.relfilenode,
       pg_catalog.pg_stat_get_xact_numscans(c.oid)
from pg_catalog.pg_lock_status() l
join pg_catalog.pg_class c on c.oid = l.relation
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where l.pid = pg_catalog.pg_backend_pid()
  and l.locktype = 'relation'
  and l.granted
  and l.relation >= 16384::oid
  and c.relkind in ('r', 'p', 'm')
  and c.relpersistence <> 't'
