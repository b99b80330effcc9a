-- Q4, analyst: envelope, exceedances, quality, phases and analyses of a flight.
-- $1 text: organisation, $2 uuid: session
select s.status, s.takeoff_at, s.landing_at, s.airborne_s, s.cycles, q.quality, q.band,
       e.alt_max, e.groundspeed_max, e.bank_max, e.batt_v_min,
       p.climb_s, p.cruise_s, p.hover_s, p.transition_s, p.descent_s, p.taxi_s, p.km,
       (select jsonb_object_agg(x.limit_code, x.seconds) from exceedance_state x
        where x.org_id = s.org_id and x.session_id = s.session_id) as exceedances,
       (select jsonb_object_agg(c.model_type, coalesce(c.risk_score, c.anomaly_score))
        from analysis_current c
        where c.org_id = s.org_id and c.session_id = s.session_id) as analyses
from session_summary s
left join session_quality q on q.org_id = s.org_id and q.session_id = s.session_id
left join session_envelope e on e.org_id = s.org_id and e.session_id = s.session_id
left join step_state p on p.org_id = q.org_id and p.session_id = q.session_id
    and p.source = q.source
where s.org_id = $1::text and s.session_id = $2::uuid
