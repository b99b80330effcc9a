-- Q7: ten minutes of raw readings, of folded chunks too.
-- $1: equipment, $2: parameter, $3: from, $4: to
select ts, value, quality
from sensor_reading_between($3::timestamptz, $4::timestamptz)
where equipment_id = $1 and parameter = $2
order by ts;
