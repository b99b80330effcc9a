select id, source, shard, position, stream, code, reason, payload_bytes,
       to_char(refused_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), payload
from howdah.dead_letters
where id = $1
