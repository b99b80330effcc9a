-- Functions, procedures, aggregates and window functions made by users.
select p.oid, n.nspname::text as schema, p.proname::text as name,
       pg_get_function_identity_arguments(p.oid) as arguments,
       pg_get_function_result(p.oid) as result,
       p.prokind::text as kind, pg_get_userbyid(p.proowner)::text as owner,
       l.lanname::text as language, p.provolatile::text as volatility,
       p.prosecdef as security_definer, p.proleakproof as leakproof,
       coalesce(p.proconfig, '{}') as settings,
       coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) as body
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
join pg_language l on l.oid = p.prolang
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not exists (select from pg_depend d
                  where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
order by n.nspname, p.proname, arguments
