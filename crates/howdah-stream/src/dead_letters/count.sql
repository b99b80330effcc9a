select source, stream, code, count(*)
from howdah.dead_letters
where ($1::text is null or source = $1)
  and ($2::text is null or stream = $2)
  and ($3::text is null or code = $3)
  and ($4::bigint[] is null or id = any ($4))
group by source, stream, code
order by count(*) desc, source, stream, code
