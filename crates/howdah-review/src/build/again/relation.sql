select n.nspname || '.' || c.relname,
       case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid)
            when c.relkind in ('i', 'I') then pg_get_indexdef(c.oid)
            else c.relkind::text end
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname !~ '^pg_|^information_schema$' and c.relkind <> 'c'
  and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
