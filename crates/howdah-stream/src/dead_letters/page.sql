select id, shard, position, payload, payload_bytes
from howdah.dead_letters
where source = $1
  and id > $2
  and id <= $3
  and ($4::text is null or code = $4)
  and ($5::bigint[] is null or id = any ($5))
order by id
limit $6::bigint
