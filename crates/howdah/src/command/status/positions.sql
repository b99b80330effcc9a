-- Every shard that has committed, with the seconds since.
select source, shard, position, events, rows, duplicates, dead_letters,
       greatest(extract(epoch from clock_timestamp() - updated_at), 0)::bigint
from howdah.positions
order by source, shard
