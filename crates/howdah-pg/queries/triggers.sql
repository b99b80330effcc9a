-- Triggers of users (those that enforce constraints are left out).
select t.tgrelid as relation, t.tgname::text as name, pg_get_triggerdef(t.oid) as definition,
       n.nspname::text as function_schema, f.proname::text as function_name,
       t.tgenabled::text as enabled, (t.tgtype & 1) = 1 as for_each_row
from pg_trigger t
join pg_proc f on f.oid = t.tgfoid
join pg_namespace n on n.oid = f.pronamespace
where not t.tgisinternal
order by t.tgrelid, t.tgname
