-- Analyses and what is computed of them, as reviewed.
create table dbx_analytics.ml_analysis_results (
    analysis_id uuid primary key default gen_random_uuid(),
    org_id uuid not null references dbx_aviation.organizations on delete cascade,
    session_id uuid not null references dbx_aviation.flight_sessions on delete cascade,
    model_version varchar(50),
    aircraft_type varchar(50),
    anomaly_detected boolean,
    anomaly_score numeric(5,4),
    risk_score numeric(5,4),
    risk_level varchar(20),
    anomalies jsonb,
    analysis_timestamp timestamptz default now()
);
create index on dbx_analytics.ml_analysis_results (session_id);
create index on dbx_analytics.ml_analysis_results (org_id);
create index on dbx_analytics.ml_analysis_results using gin (anomalies);

-- A row an analysis: two runs of one flight double its hours and its anomalies.
create materialized view dbx_analytics.fleet_summary as
select f.org_id, a.aircraft_id, a.registration, count(*) as flights,
       sum(extract(epoch from f.flight_duration)) / 3600 as flight_hours,
       count(*) filter (where m.anomaly_detected) as anomalies,
       count(*) filter (where m.risk_level in ('high', 'critical')) as high_risk_flights,
       avg(m.risk_score) as average_risk
from dbx_aviation.flight_sessions f
join dbx_aviation.aircraft_registry a on a.aircraft_id = f.aircraft_id
join dbx_analytics.ml_analysis_results m on m.session_id = f.session_id
group by f.org_id, a.aircraft_id, a.registration;

-- Errors become an empty answer: "broken" and "no risk" look alike.
create function dbx_analytics.calculate_fleet_risk_profile(p_org_id uuid)
returns table (aircraft_type varchar, total_flights bigint, avg_risk numeric, high_risk bigint)
    language plpgsql security definer
as $$
begin
    return query
    select r.aircraft_type, count(*), avg(r.risk_score),
           count(*) filter (where r.risk_level in ('high', 'critical'))
    from dbx_analytics.ml_analysis_results r
    where r.org_id = p_org_id
    group by aircraft_type;
exception when others then
    raise warning 'fleet risk calculation failed: %', sqlerrm;
    return;
end
$$;
