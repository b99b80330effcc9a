-- What somebody should look at, one sentence a row without a full stop. The limits are far below
-- where the server refuses writes (2^31 transactions) and far above a well-kept database.
select format('the oldest transaction id is %s transactions old; at 2,000,000,000 the server refuses writes: let autovacuum freeze, the oldest table is %s',
              age(datfrozenxid), (select c.oid::regclass from pg_catalog.pg_class c
                                  where c.relkind in ('r', 'm', 't')
                                  order by age(c.relfrozenxid) desc limit 1))
from pg_catalog.pg_database
where datname = current_database()
  and age(datfrozenxid) > greatest(400000000, 2 * current_setting('autovacuum_freeze_max_age')::bigint)
union all
select format('the oldest multixact is %s old: let autovacuum freeze', mxid_age(datminmxid))
from pg_catalog.pg_database
where datname = current_database()
  and mxid_age(datminmxid)
      > greatest(800000000, 2 * current_setting('autovacuum_multixact_freeze_max_age')::bigint)
union all
select format('replication slot %I is not read and holds %s of the write-ahead log back', slot_name,
              pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)))
from pg_catalog.pg_replication_slots
where not active and restart_lsn is not null
  and pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) > 1024 ^ 3
union all
select format('replication slot %I is lost: its write-ahead log is gone', slot_name)
from pg_catalog.pg_replication_slots
where wal_status = 'lost'
union all
select format('session %s (%s) has a transaction open for %s min: rows that were deleted since stay',
              pid, coalesce(nullif(application_name, ''), 'no name'),
              (extract(epoch from clock_timestamp() - xact_start) / 60)::bigint)
from pg_catalog.pg_stat_activity
where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
  and xact_start < clock_timestamp() - interval '1 hour'
union all
select format('the prepared transaction %L is open since %s', gid, prepared)
from pg_catalog.pg_prepared_xacts
where database = current_database() and prepared < clock_timestamp() - interval '1 hour'
union all
(select format('%s has %s dead rows beside %s: what keeps autovacuum from them?', relid::regclass,
               n_dead_tup, n_live_tup)
 from pg_catalog.pg_stat_user_tables
 where n_dead_tup > 100000 and n_dead_tup > n_live_tup
   and coalesce(greatest(last_vacuum, last_autovacuum), '-infinity') < now() - interval '1 hour'
 order by n_dead_tup desc
 limit 5)
