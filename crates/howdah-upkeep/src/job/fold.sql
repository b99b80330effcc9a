-- Who has held a lock on a chunk ($1) that keeps a fold from it for the longest time, as text.
select (
    select format('session %s (%s), whose transaction is open for %s s,', a.pid,
                  coalesce(nullif(a.application_name, ''), 'no name'),
                  extract(epoch from clock_timestamp() - a.xact_start)::bigint)
    from pg_catalog.pg_locks l
    join pg_catalog.pg_stat_activity a on a.pid = l.pid
    where l.relation = to_regclass($1) and l.granted and l.pid <> pg_backend_pid()
      and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
      and l.mode not in ('AccessShareLock', 'RowShareLock')
    order by a.xact_start
    limit 1
)
