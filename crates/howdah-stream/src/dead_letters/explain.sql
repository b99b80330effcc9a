update howdah.dead_letters l
set code = n.code, reason = n.reason
from unnest($1::bigint[], $2::text[], $3::text[]) as n (id, code, reason)
where l.id = n.id
