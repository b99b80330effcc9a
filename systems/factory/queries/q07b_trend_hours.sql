-- Q7: the same over a year by the hour.
-- $1: equipment, $2: parameter, $3: from, $4: to
select bucket, n, total / nullif(n, 0) as mean, low, high, p95
from readings_1h
where equipment_id = $1 and parameter = $2 and bucket >= $3::timestamptz and bucket < $4::timestamptz
order by bucket;
