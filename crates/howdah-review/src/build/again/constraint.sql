select n.nspname || '.' || coalesce(c.relname || '.', '') || t.conname, pg_get_constraintdef(t.oid)
from pg_constraint t join pg_namespace n on n.oid = t.connamespace
left join pg_class c on c.oid = t.conrelid
where n.nspname !~ '^pg_|^information_schema$'
