-- Q7: one parameter over a day by the minute; the mean is of the sums.
-- $1: equipment, $2: parameter, $3: from, $4: to
select bucket, n, total / nullif(n, 0) as mean, low, high, p95
from readings_1m
where equipment_id = $1 and parameter = $2 and bucket >= $3::timestamptz and bucket < $4::timestamptz
order by bucket;
