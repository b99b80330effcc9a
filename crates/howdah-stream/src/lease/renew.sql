-- Renews the leases ($1 sources, $2 shards, $3 epochs) by $4 seconds. A row that a batch has locked
-- is renewed by that batch itself; waiting for it would hold up the other shards.
update howdah.positions p
set lease_until = clock_timestamp() + make_interval(secs => $4::float8)
from (
    select q.source, q.shard
    from howdah.positions q
    join unnest($1::text[], $2::text[], $3::bigint[]) as held (source, shard, epoch)
        using (source, shard, epoch)
    for update of q skip locked
) h
where p.source = h.source and p.shard = h.shard
