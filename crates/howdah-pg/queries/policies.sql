-- Row security policies.
select p.polrelid as relation, p.polname::text as name, p.polpermissive as permissive,
       p.polcmd::text as command,
       array(select case when u.role = 0 then 'public' else pg_get_userbyid(u.role)::text end
             from unnest(p.polroles) u(role)
             order by 1) as roles,
       pg_get_expr(p.polqual, p.polrelid) as using_expression,
       pg_get_expr(p.polwithcheck, p.polrelid) as check_expression,
       obj_description(p.oid, 'pg_policy') as comment
from pg_policy p
order by p.polrelid, p.polname
