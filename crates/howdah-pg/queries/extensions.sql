-- Installed extensions.
select e.extname::text as name, n.nspname::text as schema, e.extversion as version
from pg_extension e
join pg_namespace n on n.oid = e.extnamespace
