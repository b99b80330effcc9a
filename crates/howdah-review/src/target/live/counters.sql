-- Counters of the server and the database; %CHECKPOINTS% is by version.
select (select count(*) from pg_catalog.pg_stat_activity a
        where a.datid is not null and a.usesysid is not null and a.leader_pid is null),
       c.timed, c.requested, w.wal_bytes::int8,
       extract(epoch from pg_catalog.clock_timestamp()
         - coalesce(w.stats_reset, pg_catalog.pg_postmaster_start_time()))::float8,
       d.blks_read, d.blks_hit, d.blk_read_time::float8,
       (select coalesce(sum(i.idx_blks_read), 0)::int8 from pg_catalog.pg_statio_user_indexes i),
       d.xact_commit
from (%CHECKPOINTS%) c
cross join pg_catalog.pg_stat_wal w
join pg_catalog.pg_stat_database d on d.datname = pg_catalog.current_database()
