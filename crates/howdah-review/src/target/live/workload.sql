-- The statements of this database that took the most time, utility statements left out, each with
-- its share of the time of all statements of the database.
select s.query, s.calls, s.rows, s.total_exec_time, s.share,
       s.temp_blks_written * pg_catalog.current_setting('block_size')::int8
from (
  select t.*, t.total_exec_time / nullif(sum(t.total_exec_time) over (), 0) as share
  from %SCHEMA%.pg_stat_statements t
  where t.dbid = (select d.oid from pg_catalog.pg_database d
                  where d.datname = pg_catalog.current_database())
) s
where s.query is not null and s.query <> '<insufficient privilege>'
  and s.query ~* '^\s*(select|insert|update|delete|with)\M' and s.share is not null
order by s.total_exec_time desc
limit 200
