select t.oid::regtype::text,
       coalesce((select string_agg(e.enumlabel, ',' order by e.enumsortorder)
                 from pg_enum e where e.enumtypid = t.oid), '')
from pg_type t join pg_namespace n on n.oid = t.typnamespace
left join pg_class c on c.oid = t.typrelid
where n.nspname !~ '^pg_|^information_schema$' and t.typelem = 0 and (t.typrelid = 0 or c.relkind = 'c')
  and t.typtype in ('e', 'd', 'c', 'r')
  and not exists (select from pg_depend d where d.objid = t.oid and d.deptype = 'e')
