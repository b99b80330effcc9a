-- Q10, auditor: everything about a flight, and by which versions it was judged; folded or not. When
-- its analyses were made is in run_guard, so their days alone are read.
-- $1 text: organisation, $2 uuid: session
select jsonb_build_object(
    'session', to_jsonb(f),
    'steps', (select jsonb_agg(to_jsonb(e) order by e.ts, e.kind) from session_event_history e
              where e.org_id = f.org_id and e.session_id = f.session_id),
    'events', (select jsonb_agg(to_jsonb(e) order by e.ts, e.kind) from flight_event_history e
               where e.org_id = f.org_id and e.session_id = f.session_id),
    'warnings', (select jsonb_agg(to_jsonb(w) order by w.ts, w.code, w.phase)
                 from system_warning_history w
                 where w.org_id = f.org_id and w.session_id = f.session_id),
    'exceedances', (select jsonb_agg(to_jsonb(x) order by x.ts, x.limit_code)
                 from exceedance_history x
                 where x.org_id = f.org_id and x.session_id = f.session_id),
    'analyses', (select jsonb_agg(to_jsonb(a) order by a.ts, a.analysis_id)
                 from run_guard r
                 cross join lateral (
                     select b.*
                     from analysis_result_between(r.ran_at, r.ran_at + interval '1 microsecond') b
                     where b.org_id = f.org_id and b.session_id = f.session_id
                       and b.model_type = r.model_type and b.model_version = r.model_version
                       and b.run_no = r.run_no
                     offset 0) a
                 where r.org_id = f.org_id and r.session_id = f.session_id),
    'anomalies', (select jsonb_agg(to_jsonb(a) order by a.ts, a.analysis_id, a.ordinal)
                 from anomaly_history a
                 where a.org_id = f.org_id and a.session_id = f.session_id),
    'files', (select jsonb_agg(to_jsonb(t)) from telemetry_file t
              where t.org_id = f.org_id and t.session_id = f.session_id),
    'samples', (select jsonb_build_object(
                    'n', count(*), 'faulty', count(*) filter (where t.faults > 0),
                    'md5', md5(string_agg(t::text, ',' order by t.ts, t.source, t.seq)))
                from telemetry_between(uuid7_at(f.session_id) - interval '1 hour',
                                       uuid7_at(f.session_id) + interval '12 hours') t
                where t.org_id = f.org_id and t.session_id = f.session_id),
    'policies', (select jsonb_object_agg(p.kind, p.version) from policy_version p
                 where p.valid @> uuid7_at(f.session_id))) as pack
from flight_session f
where f.org_id = $1::text and f.session_id = $2::uuid
