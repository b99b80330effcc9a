-- What the login may do in the current database; one row.
select
    current_setting('server_version_num')::int4,
    r.rolname::text,
    d.datname::text,
    r.rolsuper,
    r.rolbypassrls,
    r.rolcreaterole,
    pg_has_role(r.oid, d.datdba, 'usage'),
    has_database_privilege(r.oid, d.oid, 'create'),
    'howdah' = any (current_schemas(false))
        or session_user = 'howdah' and current_setting('search_path') like '%$user%'
from pg_catalog.pg_roles r, pg_catalog.pg_database d
where r.rolname = session_user and d.datname = current_database();
