-- Logins with a session here to whose statements nothing sets a limit of time, superusers and
-- replication left out. What is set for a login in this database goes before what is set for it
-- everywhere, then what is set for the database.
with limits as (
  select s.setrole, s.setdatabase, pg_catalog.split_part(o, '=', 2) as value
  from pg_catalog.pg_db_role_setting s cross join pg_catalog.unnest(s.setconfig) o
  where o like 'statement_timeout=%'
)
select r.rolname::text
from pg_catalog.pg_roles r
cross join pg_catalog.pg_database d
where d.datname = pg_catalog.current_database() and not r.rolsuper and not r.rolreplication
  and r.rolname <> session_user
  and exists (select from pg_catalog.pg_stat_activity a
              where a.usesysid = r.oid and a.datid = d.oid)
  and coalesce(
    (select l.value from limits l where l.setrole = r.oid and l.setdatabase = d.oid),
    (select l.value from limits l where l.setrole = r.oid and l.setdatabase = 0),
    (select l.value from limits l where l.setrole = 0 and l.setdatabase = d.oid),
    (select l.value from limits l where l.setrole = 0 and l.setdatabase = 0),
    (select g.reset_val from pg_catalog.pg_settings g where g.name = 'statement_timeout'))
      in ('0', '0ms', '0s')
order by 1
