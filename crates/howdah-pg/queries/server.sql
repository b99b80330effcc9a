-- The server and the session that looks; read before the session's settings are changed.
select current_setting('server_version_num')::int4 as version_num,
       current_database()::text as database,
       pg_get_userbyid(d.datdba)::text as database_owner,
       current_user::text as user_name,
       coalesce(r.rolsuper, false) as is_superuser,
       coalesce(r.rolcreaterole or r.rolsuper, false) as can_create_role,
       array(select s::text from unnest(current_schemas(false)) with ordinality p(s, pos)
             where s <> 'pg_catalog' order by pos) as search_path
from pg_catalog.pg_database d
left join pg_catalog.pg_roles r on r.rolname = current_user
where d.datname = current_database()
