select id, source, shard, position, stream, code, reason, payload_bytes,
       to_char(refused_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
from howdah.dead_letters
where ($1::text is null or source = $1)
  and ($2::text is null or stream = $2)
  and ($3::text is null or code = $3)
  and ($4::bigint[] is null or id = any ($4))
order by id
limit $5::bigint
