-- Roles of the cluster. From PostgreSQL 16 a membership may be there once for each grantor.
select r.rolname::text as name, r.rolsuper as superuser, r.rolbypassrls as bypass_rls,
       r.rolcreaterole as create_role, r.rolcreatedb as create_db, r.rolcanlogin as login,
       r.rolreplication as replication, r.rolinherit as inherit,
       array(select distinct g.rolname::text
             from pg_auth_members m
             join pg_roles g on g.oid = m.roleid
             where m.member = r.oid
             order by 1) as member_of
from pg_roles r
