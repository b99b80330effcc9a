-- Q3, analyst: a flight again, six channels, also when its days are folded. Only its days are read.
-- $1 text: organisation, $2 uuid: session, $3 timestamptz: from, $4 timestamptz: to
select ts, lat, lon, alt_m, groundspeed, roll, batt_v
from telemetry_between($3::timestamptz, $4::timestamptz)
where org_id = $1::text and session_id = $2::uuid and source = 'file'
order by ts, seq
