-- Q5, analyst: the newest analyses with aircraft and risk, fifty behind the last one shown.
-- $1 text: organisation, $2 timestamptz: time of the last shown, $3 uuid: its id
select ts, analysis_id, session_id, aircraft_id, model_type, model_version, risk_score,
       anomaly_score, confidence
from analysis_result
where org_id = $1::text and (ts, analysis_id) < ($2::timestamptz, $3::uuid)
order by ts desc, analysis_id desc
limit 50
