-- Q2, operations: the last ten minutes of a flight, all channels, as they come live.
-- $1 text: organisation, $2 uuid: session, $3 timestamptz: now
select *
from telemetry_between($3::timestamptz - interval '10 minutes',
                       $3::timestamptz + interval '1 microsecond')
where org_id = $1::text and session_id = $2::uuid
  and ts > $3::timestamptz - interval '10 minutes' and source = 'live'
order by ts, seq
