insert into howdah.dead_letters (source, shard, stream, position, code, reason, payload, payload_bytes)
select $1, $2, l.stream, l.position, l.code, l.reason, l.payload, l.payload_bytes
from unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[], $8::bigint[])
     with ordinality as l (stream, position, code, reason, payload, payload_bytes, n)
order by l.n
