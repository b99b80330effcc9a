-- Schemas that are not the system's.
select n.oid, n.nspname::text as name, pg_get_userbyid(n.nspowner)::text as owner,
       obj_description(n.oid, 'pg_namespace') as comment
from pg_namespace n
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
