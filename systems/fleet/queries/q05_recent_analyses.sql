-- Q5, analyst: the newest analyses with aircraft and risk, fifty behind the last one shown. How many
-- runs a day has is known, so only the days that are needed are read, folded or not.
-- $1 text: organisation, $2 timestamptz: time of the last shown, $3 uuid: its id
with days as (
    select bucket, sum(runs) as runs from model_scores_1d
    where org_id = $1::text and bucket < $2::timestamptz
    group by bucket
), enough as (                   -- the day of $2 may hold later runs, so it does not count
    select min(bucket) as since
    from (select bucket, sum(runs) filter (where bucket + interval '1 day' <= $2::timestamptz)
                         over (order by bucket desc rows between unbounded preceding
                               and 1 preceding) as newer
          from days) d
    where coalesce(newer, 0) < 50
)
select a.*
from enough e
cross join lateral (
    select ts, analysis_id, session_id, aircraft_id, model_type, model_version, risk_score,
           anomaly_score, confidence
    from analysis_result_between(e.since, $2::timestamptz + interval '1 microsecond')
    where org_id = $1::text and (ts, analysis_id) < ($2::timestamptz, $3::uuid)
    offset 0) a
order by a.ts desc, a.analysis_id desc
limit 50
