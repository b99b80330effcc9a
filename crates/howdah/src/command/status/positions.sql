-- Every shard that has committed, with the seconds since.
select source, shard, position, events, rows, duplicates, dead_letters,
       case when position is not null
            then greatest(extract(epoch from clock_timestamp() - updated_at), 0)::bigint end
from howdah.positions
order by source, shard
