-- What ANALYZE found about columns. A partitioned table only has figures that include its parts.
select c.oid as relation, s.attname::text as name, s.null_frac, s.n_distinct, s.correlation
from pg_stats s
join pg_namespace n on n.nspname = s.schemaname
join pg_class c on c.relnamespace = n.oid and c.relname = s.tablename
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and s.inherited = (c.relkind = 'p')
