select n.nspname || '.' || c.relname || '.' || t.tgname, pg_get_triggerdef(t.oid) || t.tgenabled::text
from pg_trigger t join pg_class c on c.oid = t.tgrelid
join pg_namespace n on n.oid = c.relnamespace
where n.nspname !~ '^pg_|^information_schema$' and not t.tgisinternal
