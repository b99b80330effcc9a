-- Materialized views that were never refreshed, and a table of theirs that has changed since.
-- A refresh writes the view's row of pg_class, so it is no longer of the transaction that made the
-- view's rule. The table was analyzed after the view, so what has changed since is not in the view.
select distinct on (n.nspname, c.relname)
       n.nspname::text, c.relname::text, s.schemaname::text, s.relname::text, s.n_mod_since_analyze
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_rewrite r on r.ev_class = c.oid and r.rulename = '_RETURN' and r.xmin = c.xmin
join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = r.oid
  and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid <> c.oid
join pg_catalog.pg_stat_user_tables s on s.relid = d.refobjid
join pg_catalog.pg_stat_user_tables v on v.relid = c.oid
where c.relkind = 'm' and c.relispopulated and s.n_mod_since_analyze > 0
  and greatest(s.last_analyze, s.last_autoanalyze) >= greatest(v.last_analyze, v.last_autoanalyze)
order by n.nspname, c.relname, s.n_mod_since_analyze desc
