-- Sessions that wait for a lock: pid, since when, who, for how many ms, what for, who has it.
select l.pid, l.waitstart::text, a.application_name,
       (extract(epoch from clock_timestamp() - l.waitstart) * 1000)::float8,
       l.mode || ' on ' || coalesce(l.relation::regclass::text, l.locktype),
       (select string_agg(b.application_name, ', ') from pg_catalog.pg_stat_activity b
        where b.pid = any (pg_catalog.pg_blocking_pids(l.pid)))
from pg_catalog.pg_locks l
join pg_catalog.pg_stat_activity a on a.pid = l.pid
where not l.granted and l.waitstart is not null and a.application_name like 'howdah%'
