-- Q10, auditor: everything about a flight, and by which versions it was judged.
-- $1 text: organisation, $2 uuid: session
select jsonb_build_object(
    'session', to_jsonb(f),
    'steps', (select jsonb_agg(to_jsonb(e) order by e.ts) from session_event e
              where e.org_id = f.org_id and e.session_id = f.session_id),
    'events', (select jsonb_agg(to_jsonb(e) order by e.ts) from flight_event e
               where e.org_id = f.org_id and e.session_id = f.session_id),
    'warnings', (select jsonb_agg(to_jsonb(w) order by w.ts) from system_warning w
                 where w.org_id = f.org_id and w.session_id = f.session_id),
    'exceedances', (select jsonb_agg(to_jsonb(x) order by x.ts) from exceedance x
                    where x.org_id = f.org_id and x.session_id = f.session_id),
    'analyses', (select jsonb_agg(to_jsonb(a) order by a.ts) from analysis_result a
                 where a.org_id = f.org_id and a.session_id = f.session_id),
    'anomalies', (select jsonb_agg(to_jsonb(a) order by a.ts, a.ordinal) from anomaly a
                  where a.org_id = f.org_id and a.session_id = f.session_id),
    'files', (select jsonb_agg(to_jsonb(t)) from telemetry_file t
              where t.org_id = f.org_id and t.session_id = f.session_id),
    'samples', (select jsonb_build_object(
                    'n', count(*), 'faulty', count(*) filter (where t.faults > 0),
                    'md5', md5(string_agg(t::text, ',' order by t.ts, t.source, t.seq)))
                from telemetry t
                where t.org_id = f.org_id and t.session_id = f.session_id
                  and t.ts >= uuid7_at(f.session_id) - interval '1 hour'
                  and t.ts < uuid7_at(f.session_id) + interval '12 hours'),
    'policies', (select jsonb_object_agg(p.kind, p.version) from policy_version p
                 where p.valid @> uuid7_at(f.session_id))) as pack
from flight_session f
where f.org_id = $1::text and f.session_id = $2::uuid
