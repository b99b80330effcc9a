-- Q7: ten minutes of raw readings; of folded chunks too by sensor_reading_between(from, to).
-- $1: equipment, $2: parameter, $3: from, $4: to
select ts, value, quality
from sensor_reading
where equipment_id = $1 and parameter = $2 and ts >= $3::timestamptz and ts < $4::timestamptz
order by ts;
