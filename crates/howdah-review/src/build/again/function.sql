select p.oid::regprocedure::text, md5(p.prosrc)
from pg_proc p join pg_namespace n on n.oid = p.pronamespace
where n.nspname !~ '^pg_|^information_schema$'
  and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
