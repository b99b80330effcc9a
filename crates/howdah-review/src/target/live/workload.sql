-- The statements of this database that took the most time, utility statements left out.
select s.query, s.calls, s.rows, s.total_exec_time
from %SCHEMA%.pg_stat_statements s
where s.dbid = (select d.oid from pg_catalog.pg_database d
                where d.datname = pg_catalog.current_database())
  and s.query is not null and s.query <> '<insufficient privilege>'
  and s.query ~* '^\s*(select|insert|update|delete|with)\M'
order by s.total_exec_time desc
limit 200
