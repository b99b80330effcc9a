-- The jobs of the upkeep; times as seconds from now.
select job,
       extract(epoch from clock_timestamp() - running_since)::float8,
       extract(epoch from clock_timestamp() - last_run)::float8,
       extract(epoch from next_run - clock_timestamp())::float8,
       backlog, steps, did,
       extract(epoch from clock_timestamp() - did_at)::float8,
       waits, failures, error, warnings
from howdah.upkeep_jobs
