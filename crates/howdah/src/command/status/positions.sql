-- Every shard: what is committed and since when, who owns it and for how long yet, what was lost.
select p.source, p.shard, p.position, p.events, p.rows, p.duplicates, p.dead_letters,
       case when p.position is not null
            then greatest(extract(epoch from clock_timestamp() - p.updated_at), 0)::bigint end,
       p.owner, p.epoch, extract(epoch from p.lease_until - clock_timestamp())::float8,
       l.entries, l.exact
from howdah.positions p
left join lateral (
    select sum(l.entries)::bigint as entries, bool_and(l.exact) as exact
    from howdah.losses l
    where l.source = p.source and l.shard = p.shard
) l on true
order by p.source, p.shard
