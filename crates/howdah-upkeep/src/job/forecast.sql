-- The last size of each stream, and its growth a day over up to $1 days.
select distinct on (s.stream) s.stream, s.bytes, s.segment_bytes,
       ((s.bytes + s.segment_bytes - f.bytes) / nullif(s.day - f.day, 0))::float8
from howdah.sizes s
left join lateral (
    select o.day, (o.bytes + o.segment_bytes)::numeric as bytes
    from howdah.sizes o
    where o.stream = s.stream and o.day >= s.day - $1::integer
    order by o.day
    limit 1
) f on true
order by s.stream, s.day desc
