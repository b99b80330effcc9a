-- Takes the upkeep that was seen at epoch $3 for $1: free, run out, or ($4) without the session of
-- its owner, or overdue. No row comes back when somebody was faster, or the owner renewed.
update howdah.upkeep_lease l
set owner = $1,
    epoch = l.epoch + 1,
    lease_until = clock_timestamp() + make_interval(secs => $2::float8),
    owner_pid = pg_backend_pid(),
    owner_start = (select backend_start from pg_catalog.pg_stat_activity
                   where pid = pg_backend_pid())
where l.epoch = $3
  and (l.owner is null or l.owner = $1 or l.lease_until <= clock_timestamp() or $4)
returning l.epoch
