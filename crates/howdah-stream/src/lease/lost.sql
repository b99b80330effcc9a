-- Which of these leases have another epoch by now, or no row: places from 1.
select held.n
from unnest($1::text[], $2::text[], $3::bigint[]) with ordinality as held (source, shard, epoch, n)
left join howdah.positions p using (source, shard)
where p.epoch is distinct from held.epoch
