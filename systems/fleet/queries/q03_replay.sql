-- Q3, analyst: a flight again, six channels. The session's id says when it was, so only its days are
-- read. Once days are folded, read telemetry_between(…) instead, with the same conditions.
-- $1 text: organisation, $2 uuid: session, $3 timestamptz: from, $4 timestamptz: to
select ts, lat, lon, alt_m, groundspeed, roll, batt_v
from telemetry
where org_id = $1::text and session_id = $2::uuid and source = 'file'
  and ts >= $3::timestamptz and ts < $4::timestamptz
order by ts, seq
