-- Takes a shard that was seen at epoch $5: free, the claimant's own ($3), run out, or ($6) without
-- the session of its owner, or overdue. No row comes back when somebody was faster, or the owner renewed.
update howdah.positions p
set owner = $3,
    epoch = p.epoch + 1,
    lease_until = clock_timestamp() + make_interval(secs => $4::float8),
    owner_pid = pg_backend_pid(),
    owner_start = (select backend_start from pg_catalog.pg_stat_activity
                   where pid = pg_backend_pid())
where p.source = $1 and p.shard = $2 and p.epoch = $5
  and (p.owner is null or p.owner = $3 or p.lease_until <= clock_timestamp() or $6)
returning p.epoch, p.position, p.ordinal, p.incarnation
