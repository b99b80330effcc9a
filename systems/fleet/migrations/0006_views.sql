-- What readers ask. Every view reads as the one who calls it (security_invoker), so each sees its own
-- organisation through it, and it may be granted to everybody. Sums are taken before joins.

-- The samples that count, a row a minute: those of a file, and what came live in minutes that no
-- file stands for. So no second counts twice.
create view sample_minutes with (security_invoker = true) as
select s.*
from samples_1m s
where s.source = 'file' or not exists (
    select from session_covers c
    where c.org_id = s.org_id and c.session_id = s.session_id
      and c.covers_from <= s.bucket and c.covers_to > s.bucket);
comment on view sample_minutes is 'samples_1m of the source that counts in each minute';

-- The same for single seconds.
create view sample_seconds with (security_invoker = true) as
select s.*
from seconds_1s s
where s.source = 'file' or not exists (
    select from session_covers c
    where c.org_id = s.org_id and c.session_id = s.session_id
      and c.covers_from <= s.bucket and c.covers_to > s.bucket);
comment on view sample_seconds is 'seconds_1s of the source that counts in each minute';

-- The samples of a session, recent and folded: howdah makes telemetry_between() behind the
-- migrations, so it is named where a name is looked for when it is called, and not before.
create function session_samples(org text, session uuid)
returns table (source telemetry_source, ts timestamptz, seq integer, alt_m real, airspeed real,
               groundspeed real, climb_ms real, pitch real, roll real, motor_temp real[],
               vib_x real, vib_y real, vib_z real, batt_a real, faults smallint)
    language plpgsql stable
    set search_path = pg_catalog, public
as $$
#variable_conflict use_column
begin
    return query
    select t.source, t.ts, t.seq, t.alt_m, t.airspeed, t.groundspeed, t.climb_ms, t.pitch, t.roll,
           t.motor_temp, t.vib_x, t.vib_y, t.vib_z, t.batt_a, t.faults
    from telemetry_between(uuid7_at(session) - interval '1 hour',
                           uuid7_at(session) + interval '12 hours') t
    where t.org_id = org and t.session_id = session;
end
$$;
comment on function session_samples(text, uuid) is
    'What statistics read of the samples of a session, folded ones too';

-- The samples of the source that counts in each minute.
create view counted_samples with (security_invoker = true) as
select f.org_id, f.session_id, s.*
from flight_session f
cross join lateral session_samples(f.org_id, f.session_id) s
where s.source = 'file' or not exists (
    select from session_covers c
    where c.org_id = f.org_id and c.session_id = f.session_id
      and c.covers_from <= s.ts and c.covers_to > s.ts);
comment on view counted_samples is
    'Samples of the source that counts in each minute; name a session, each is read on its own';

-- What is known of a session, from all that was said of it; voided ones say that they are.
create view session_summary with (security_invoker = true) as
select f.org_id, f.session_id, f.aircraft_id, a.type, f.pilot, f.flight_no, f.mission,
       coalesce(s.status, 'planned') as status, coalesce(s.voided, 0) > 0 as voided, s.day,
       l.first_takeoff as takeoff_at, l.last_landing as landing_at,
       least(l.takeoffs, l.landings) as cycles,
       case l.takeoffs - l.landings when 0 then coalesce(l.flown, 0)
           when 1 then coalesce(l.flown, 0) + l.last_takeoff_s else 0 end as airborne_s,
       case l.arms - l.disarms when 0 then coalesce(l.blocked, 0)
           when 1 then coalesce(l.blocked, 0) + l.last_arm_s else 0 end as block_s
from flight_session f
join aircraft a using (org_id, aircraft_id)
left join session_state s using (org_id, session_id)
left join session_legs l using (org_id, session_id);
comment on view session_summary is 'Sessions with status, hours and cycles';

-- Take-off and landing where no event tells: the first and the last of three samples in a row that
-- are 2 m above home and move faster than 1 m/s. Rule 1.
create function flight_times(org text, session uuid)
returns table (takeoff_at timestamptz, landing_at timestamptz, rule integer)
    language sql stable
    set search_path = pg_catalog, public
as $$
    with samples as (
        select ts, seq, alt_m, coalesce(
                   alt_m > first_value(alt_m) over w + 2
                   and (groundspeed > 1 or abs(climb_ms) > 1), false) as moves
        from counted_samples
        where org_id = org and session_id = session and (faults & 4) = 0
        window w as (order by ts, seq)
    ), runs as (
        select ts, moves and lead(moves) over w and lead(moves, 2) over w as begins,
               moves and lag(moves) over w and lag(moves, 2) over w as ends
        from samples window w as (order by ts, seq)
    )
    select min(ts) filter (where begins), max(ts) filter (where ends), 1 from runs
$$;
comment on function flight_times(text, uuid) is 'Take-off and landing found in samples, by rule 1';

-- §4.3: a row for each session that counts: extremes and means of the channels.
create view session_envelope with (security_invoker = true) as
select org_id, session_id, sum(n)::bigint as n, sum(faulty)::bigint as faulty,
       min(alt_min) as alt_min, max(alt_max) as alt_max, sum(alt_sum) / nullif(sum(alt_n), 0) as alt,
       min(airspeed_min) as airspeed_min, max(airspeed_max) as airspeed_max,
       min(groundspeed_min) as groundspeed_min, max(groundspeed_max) as groundspeed_max,
       sum(groundspeed_sum) / nullif(sum(groundspeed_n), 0) as groundspeed,
       min(climb_min) as climb_min, max(climb_max) as climb_max, max(bank_max) as bank_max,
       min(pitch_min) as pitch_min, max(pitch_max) as pitch_max,
       max(vib_max) as vib_max, sum(vib_sum) / nullif(sum(vib_n), 0) as vib,
       max(temp_max) as temp_max, min(batt_v_min) as batt_v_min, max(batt_a_max) as batt_a_max,
       min(rpm_min) as rpm_min, max(rpm_max) as rpm_max
from sample_minutes
group by org_id, session_id;
comment on view session_envelope is 'Extremes and means of a session, of values that can be';

-- Exact percentiles of one session: name it, the samples are read. Each array holds p05, p50, p95,
-- p99.
create view session_percentiles with (security_invoker = true) as
select org_id, session_id, count(*) as n,
       percentile_cont(array[0.05, 0.5, 0.95, 0.99]) within group (order by alt_m)
           filter (where (faults & 4) = 0) as alt_m,
       percentile_cont(array[0.05, 0.5, 0.95, 0.99]) within group (order by airspeed) as airspeed,
       percentile_cont(array[0.05, 0.5, 0.95, 0.99]) within group (order by groundspeed)
           as groundspeed,
       percentile_cont(array[0.05, 0.5, 0.95, 0.99]) within group (order by climb_ms) as climb_ms,
       percentile_cont(array[0.05, 0.5, 0.95, 0.99]) within group (order by abs(roll)) as bank,
       percentile_cont(array[0.05, 0.5, 0.95, 0.99]) within group (order by pitch) as pitch,
       percentile_cont(array[0.05, 0.5, 0.95, 0.99]) within group (order by sqrt(
           vib_x::double precision * vib_x + vib_y::double precision * vib_y
           + vib_z::double precision * vib_z)) as vib,
       percentile_cont(array[0.05, 0.5, 0.95, 0.99]) within group (order by greatest(
           motor_temp[1], motor_temp[2], motor_temp[3], motor_temp[4], motor_temp[5],
           motor_temp[6], motor_temp[7], motor_temp[8])) as temp,
       percentile_cont(array[0.05, 0.5, 0.95, 0.99]) within group (order by batt_a) as batt_a
from counted_samples
group by org_id, session_id;
comment on view session_percentiles is 'Exact p05, p50, p95, p99 of a session';

-- The limits that were valid at a moment: an aircraft's own before those of its type.
create function limits_at(org text, craft text, moment timestamptz)
returns table (alt_min real, alt_max real, speed_min real, speed_max real, bank_max real,
               aoa_max real, vib_max real, batt_min_v real, rpm_max real, rpm_spread_max real,
               temp_max real)
    language sql stable
    set search_path = pg_catalog, public
as $$
    select
           coalesce(e.alt_min, d.alt_min), coalesce(e.alt_max, d.alt_max),
           coalesce(e.speed_min, d.speed_min), coalesce(e.speed_max, d.speed_max),
           coalesce(e.bank_max, d.bank_max), coalesce(e.aoa_max, d.aoa_max),
           coalesce(e.vib_max, d.vib_max), coalesce(e.batt_min_v, d.batt_min_v),
           coalesce(e.rpm_max, d.rpm_max), coalesce(e.rpm_spread_max, d.rpm_spread_max),
           coalesce(e.temp_max, d.temp_max)
    from aircraft a
    join envelope_default d on d.type = a.type and d.valid @> moment
    left join envelope e on e.org_id = a.org_id and e.aircraft_id = a.aircraft_id
        and e.valid @> moment
    where a.org_id = org and a.aircraft_id = craft
$$;
comment on function limits_at(text, text, timestamptz) is 'The limits that were valid at a moment';

-- §4.3: seconds in which a value lay outside of the limit that was valid.
create view session_outside with (security_invoker = true) as
select s.org_id, s.session_id,
       count(*) filter (where s.alt_max > l.alt_max) as alt_max_s,
       count(*) filter (where s.alt_min < l.alt_min) as alt_min_s,
       count(*) filter (where s.speed_max > l.speed_max) as speed_max_s,
       count(*) filter (where s.bank_max > l.bank_max) as bank_max_s,
       count(*) filter (where s.aoa_max > l.aoa_max) as aoa_max_s,
       count(*) filter (where s.batt_min < l.batt_min_v) as batt_min_s,
       count(*) filter (where s.rpm_max > l.rpm_max) as rpm_max_s,
       count(*) filter (where s.temp_max > l.temp_max) as temp_max_s,
       count(*) filter (where s.vib_n > 0
           and sqrt((s.vib_x_sq + s.vib_y_sq + s.vib_z_sq) / s.vib_n) > l.vib_max) as vib_max_s
from sample_seconds s
join flight_session f on f.org_id = s.org_id and f.session_id = s.session_id
cross join lateral limits_at(f.org_id, f.aircraft_id, uuid7_at(f.session_id)) l
group by s.org_id, s.session_id;
comment on view session_outside is
    'Seconds outside of each limit; the limits are those of the beginning of the session';

-- §4.5: RMS over a second, of the three axes together.
create view session_vibration with (security_invoker = true) as
select s.org_id, s.session_id, count(*) as seconds,
       percentile_cont(0.5) within group (order by r.rms) as p50,
       percentile_cont(0.95) within group (order by r.rms) as p95,
       percentile_cont(0.99) within group (order by r.rms) as p99,
       max(r.rms) as highest
from sample_seconds s
cross join lateral (
    select sqrt((s.vib_x_sq + s.vib_y_sq + s.vib_z_sq)::double precision / s.vib_n) as rms
) r
where s.vib_n > 0
group by s.org_id, s.session_id;
comment on view session_vibration is 'RMS of vibration over 1 s, in m/s2';

-- §4.5: how far the motors' means lie apart; arrays of another length than the aircraft has motors
-- are faults, and counted.
create view session_motors with (security_invoker = true) as
select m.org_id, m.session_id, m.source,
       sum(m.n) filter (where m.motors = a.motors)::bigint as n,
       coalesce(sum(m.n) filter (where m.motors not in (0, a.motors)), 0)::bigint as wrong_length,
       max(d.spread) filter (where m.motors = a.motors) as spread
from motor_state m
join flight_session f on f.org_id = m.org_id and f.session_id = m.session_id
join aircraft a on a.org_id = f.org_id and a.aircraft_id = f.aircraft_id
cross join lateral (
    select stddev_pop(total::double precision / m.n) as spread
    from unnest(array[m.rpm_1, m.rpm_2, m.rpm_3, m.rpm_4, m.rpm_5, m.rpm_6, m.rpm_7, m.rpm_8])
        with ordinality u (total, motor)
    where motor <= m.motors
) d
group by m.org_id, m.session_id, m.source;
comment on view session_motors is 'Standard deviation of the motors'' mean speeds, in 1/min';

-- §4.4: the quality of a session's record, from its file or, without one, from what came live.
create view session_quality with (security_invoker = true) as
with facts as (
    select s.*, a.type, m.wrong_length, t.gap_excess_s,
           u.rows_ok, u.rows_rejected, u.rows_repeated, u.rows_backward,
           greatest(extract(epoch from s.last_ts - s.first_ts),
                    extract(epoch from l.last_disarm - l.first_arm)) as duration_s,
           row_number() over (partition by s.org_id, s.session_id order by s.source desc) as place
    from session_source s
    join flight_session f on f.org_id = s.org_id and f.session_id = s.session_id
    join aircraft a on a.org_id = f.org_id and a.aircraft_id = f.aircraft_id
    left join step_state t on t.org_id = s.org_id and t.session_id = s.session_id
        and t.source = s.source
    left join session_motors m on m.org_id = s.org_id and m.session_id = s.session_id
        and m.source = s.source
    left join session_legs l on l.org_id = s.org_id and l.session_id = s.session_id
    left join upload_state u on u.org_id = s.org_id and u.session_id = s.session_id
        and s.source = 'file'
), counted as (
    select f.*, r.required, r.present,
           r.present + lat_n + lon_n + heading_n + batt_pct_n as checked,
           lat_faults + lon_faults + alt_faults + heading_faults + batt_faults
               + coalesce(wrong_length, 0) as faults,
           floor(duration_s * declared_hz::numeric) + 1 as expected,
           rows_ok + rows_rejected + rows_repeated as received
    from facts f
    cross join lateral (
        select case f.type when 'fixed_wing' then 12 when 'vtol' then 16 when 'hybrid' then 16
                   else 10 end as required,
               alt_n + groundspeed_n + pitch_n + roll_n + rpm_n + batt_v_n + hdop_n
               + case when f.type in ('fixed_wing', 'vtol', 'hybrid')
                     then airspeed_n + throttle_n + elevator_n + aileron_n + rudder_n else 0 end
               + case when f.type = 'fixed_wing' then 0 else vib_x_n + vib_y_n + vib_z_n end
               + case when f.type in ('vtol', 'hybrid') then mode_n else 0 end as present
    ) r
    where f.place = 1
), scores as (
    select c.*,
           least(1, n / expected) as completeness,
           case when duration_s > 0 then 1 - least(1, coalesce(gap_excess_s, 0) / duration_s)
               else 1 end as gaps,
           1 - faults::numeric / nullif(checked, 0) as range_ok,
           present::numeric / (n * required) as fields,
           coalesce(1 - (rows_repeated + rows_backward)::numeric / nullif(received, 0), 1) as time_ok
    from counted c
), rated as (
    select s.*, round(
        (p.weights ->> 'completeness')::numeric * completeness
        + (p.weights ->> 'gaps')::numeric * gaps
        + (p.weights ->> 'range')::numeric * coalesce(range_ok, 1)
        + (p.weights ->> 'fields')::numeric * fields
        + (p.weights ->> 'time')::numeric * greatest(0, time_ok), 4) as quality, p.version as policy
    from scores s
    join policy_version p on p.kind = 'quality' and p.valid @> s.last_ts
)
select org_id, session_id, source, n, expected, faults, checked, duration_s,
       completeness, gaps, coalesce(range_ok, 1) as range_ok, fields,
       greatest(0, time_ok) as time_ok, quality,
       case when quality >= 0.95 then 'A' when quality >= 0.85 then 'B'
           when quality >= 0.70 then 'C' else 'D' end as band,
       policy
from rated;
comment on view session_quality is
    'Completeness, gaps, range, fields, time and their weighted sum; below 0.70 no trend uses it';

-- §4.2: hours of a part: those of its aircraft while it was installed.
create view component_hours with (security_invoker = true) as
select c.org_id, c.component_id, c.kind, c.status, c.life_limit_h, c.life_limit_cycles,
       coalesce(h.flights, 0) as flights, coalesce(h.cycles, 0) as cycles,
       coalesce(h.airborne_s, 0) as airborne_s, h.last_flight
from component c
left join (
    select i.org_id, i.component_id, count(*) as flights, sum(s.cycles) as cycles,
           sum(s.airborne_s) as airborne_s, max(s.landing_at) as last_flight
    from installation i
    join session_summary s on s.org_id = i.org_id and s.aircraft_id = i.aircraft_id
        and i.period @> s.takeoff_at
    where not s.voided
    group by i.org_id, i.component_id
) h using (org_id, component_id);
comment on view component_hours is 'Hours and cycles of parts, through their installations';

-- §4.5: what a flight tells of its pack.
create view session_battery with (security_invoker = true) as
select s.org_id, s.session_id, s.takeoff_at, c.component_id, c.nominal_ah, c.cells, c.new_ohm,
       t.discharged_as / 3600 as discharged_ah,
       (r.batt_pct_max - r.batt_pct_min)::numeric as used_pct,
       case when r.batt_pct_max - r.batt_pct_min >= 30 then
           100 * (t.discharged_as / 3600) / ((r.batt_pct_max - r.batt_pct_min)::numeric / 100)
               / c.nominal_ah end as soh,
       t.step_dv / nullif(t.step_di, 0) as ohm,
       greatest(0, r.rest_v - r.loaded_v)::numeric / c.cells as sag_v,
       r.end_v::numeric / c.cells as end_v
from session_summary s
join session_source r on r.org_id = s.org_id and r.session_id = s.session_id
join step_state t on t.org_id = r.org_id and t.session_id = r.session_id and t.source = r.source
join installation i on i.org_id = s.org_id and i.aircraft_id = s.aircraft_id
    and i.period @> s.takeoff_at
join component c on c.org_id = i.org_id and c.component_id = i.component_id
    and c.kind = 'battery'
where not s.voided and (r.source = 'file' or not exists (
    select from session_source o where o.org_id = r.org_id and o.session_id = r.session_id
      and o.source = 'file'));
comment on view session_battery is 'Charge, state of health, resistance and sag of a flight''s pack';

create view pack_health with (security_invoker = true) as
select b.org_id, b.component_id, b.session_id, b.soh, b.ohm, b.sag_v, b.end_v,
       round(h.health, 1) as health,
       case when h.health < (p.weights ->> 'retire')::numeric then 'retire'
           when h.health < (p.weights ->> 'watch')::numeric then 'watch' else 'good' end as advice
from (
    select distinct on (org_id, component_id) *
    from session_battery
    where soh is not null
    order by org_id, component_id, takeoff_at desc
) b
join policy_version p on p.kind = 'battery' and p.valid @> b.takeoff_at
cross join lateral (
    select 100 * ((p.weights ->> 'soh')::numeric * least(1, b.soh / 100)
        + (p.weights ->> 'resistance')::numeric
            * case when b.ohm > 0 and b.new_ohm > 0 then least(1, b.new_ohm / b.ohm) else 1 end
        + (p.weights ->> 'sag')::numeric
            * (1 - least(1, coalesce(b.sag_v, 0) / (p.weights ->> 'sag_limit_v')::numeric)))
        as health
) h;
comment on view pack_health is 'Health of each pack by its latest flight that used 30 % or more';

create function risk_band(score numeric) returns text
    language sql immutable strict parallel safe
    return case when score > 0.9 then 'critical' when score > 0.7 then 'high'
                when score > 0.3 then 'medium' else 'low' end;
comment on function risk_band(numeric) is 'The one vocabulary of risk';

-- §4.6: the risk that counts: of the latest run of an approved version, of sessions that stand.
create view session_risk with (security_invoker = true) as
select c.org_id, c.session_id, s.aircraft_id, a.type, s.day, uuid7_at(c.session_id) as flown_at,
       c.risk_score, risk_band(c.risk_score) as band, c.confidence, c.model_version, c.run_no,
       c.processing_ms, c.analysis_id
from analysis_current c
join session_state s on s.org_id = c.org_id and s.session_id = c.session_id
join aircraft a on a.org_id = s.org_id and a.aircraft_id = s.aircraft_id
where c.model_type = 'risk' and s.voided = 0;
comment on view session_risk is 'One risk a flight';

-- Anomalies that count: of the latest run, once a flight and category.
create view session_anomalies with (security_invoker = true) as
select c.org_id, c.session_id, s.aircraft_id, uuid7_at(c.session_id) as flown_at, n.category,
       n.anomalies, n.critical, n.score
from analysis_current c
join session_state s on s.org_id = c.org_id and s.session_id = c.session_id
join anomaly_state n on n.org_id = c.org_id and n.session_id = c.session_id
    and n.analysis_id = c.analysis_id
where c.model_type = 'anomaly' and s.voided = 0;
comment on view session_anomalies is 'Anomalies of the run that counts, a row a category';

-- §4.6: the fleet's risk in the days before a moment, by type.
create function risk_profile(moment timestamptz, days integer)
returns table (org_id text, type aircraft_type, flights bigint, mean_risk numeric,
               high_risk bigint, critical_anomalies numeric, p50 double precision,
               p90 double precision, p95 double precision, p99 double precision, trend numeric,
               direction text)
    language sql stable
    set search_path = pg_catalog, public
as $$
    with flights as (
        select r.org_id, r.type, r.risk_score, r.session_id,
               r.flown_at > moment - interval '7 days' as late
        from session_risk r
        where r.flown_at > moment - make_interval(days => days) and r.flown_at <= moment
    ), anomalies as (
        select n.org_id, a.type, sum(n.critical) as critical
        from session_anomalies n
        join aircraft a on a.org_id = n.org_id and a.aircraft_id = n.aircraft_id
        where n.flown_at > moment - make_interval(days => days) and n.flown_at <= moment
        group by n.org_id, a.type
    ), profile as (
        select f.org_id, f.type, count(*) as flights, avg(f.risk_score) as mean_risk,
               count(*) filter (where f.risk_score > 0.7) as high_risk,
               percentile_cont(array[0.5, 0.9, 0.95, 0.99])
                   within group (order by f.risk_score) as p,
               case when count(*) filter (where f.late) >= 5
                     and count(*) filter (where not f.late) >= 5
                   then avg(f.risk_score) filter (where f.late)
                        - avg(f.risk_score) filter (where not f.late) end as trend
        from flights f
        group by f.org_id, f.type
    )
    select p.org_id, p.type, p.flights, p.mean_risk, p.high_risk, coalesce(n.critical, 0),
           p.p[1], p.p[2], p.p[3], p.p[4], p.trend,
           case when p.trend > 0.05 then 'increasing' when p.trend < -0.05 then 'decreasing'
               when p.trend is not null then 'steady' end
    from profile p
    left join anomalies n on n.org_id = p.org_id and n.type = p.type
$$;
comment on function risk_profile(timestamptz, integer) is 'Fleet risk by type, with its trend';

-- §4.6: moving averages of an aircraft's risk, flight by flight; EWMA with alpha 0.3.
create view risk_averages with (security_invoker = true) as
with recursive flights as (
    select org_id, aircraft_id, session_id, flown_at, risk_score,
           row_number() over (partition by org_id, aircraft_id order by flown_at, session_id) as nth,
           avg(risk_score) over (partition by org_id, aircraft_id order by flown_at
               range between interval '7 days' preceding and current row) as mean_7d,
           avg(risk_score) over (partition by org_id, aircraft_id order by flown_at
               range between interval '30 days' preceding and current row) as mean_30d
    from session_risk
), smoothed as (
    select org_id, aircraft_id, session_id, flown_at, nth, risk_score, mean_7d, mean_30d,
           risk_score::numeric as ewma
    from flights where nth = 1
    union all
    select f.org_id, f.aircraft_id, f.session_id, f.flown_at, f.nth, f.risk_score, f.mean_7d,
           f.mean_30d, 0.3 * f.risk_score + 0.7 * s.ewma
    from smoothed s
    join flights f on f.org_id = s.org_id and f.aircraft_id = s.aircraft_id and f.nth = s.nth + 1
)
select org_id, aircraft_id, session_id, flown_at, risk_score, mean_7d, mean_30d, ewma
from smoothed;
comment on view risk_averages is 'Trailing means of 7 and 30 days and the EWMA, by flight';

-- §4.7: when each task is due: the earliest of hours, landings and days since it was last done. What
-- is left is projected by the mean of the last 60 days.
create function due_list(moment timestamptz)
returns table (org_id text, aircraft_id text, task_code text, last_done timestamptz,
               hours_since numeric, cycles_since numeric, hours_left numeric, cycles_left numeric,
               due_at timestamptz, overdue boolean)
    language sql stable
    set search_path = pg_catalog, public
as $$
    with tasks as (
        select t.org_id, t.aircraft_id, t.task_code, t.interval_h, t.interval_cycles,
               t.interval_days, greatest(coalesce(s.done_at, t.starts_at), t.starts_at) as last_done
        from maintenance_task t
        left join task_state s using (org_id, aircraft_id, task_code)
    ), rates as (
        select org_id, aircraft_id, sum(airborne_s) / 3600 / 60 as hours_a_day,
               sum(cycles)::numeric / 60 as cycles_a_day
        from session_summary
        where not voided and takeoff_at > moment - interval '60 days' and takeoff_at <= moment
        group by org_id, aircraft_id
    ), used as (
        select t.*, coalesce(u.hours, 0) as hours, coalesce(u.cycles, 0) as cycles,
               r.hours_a_day, r.cycles_a_day
        from tasks t
        left join lateral (
            select sum(s.airborne_s) / 3600 as hours, sum(s.cycles) as cycles
            from session_summary s
            where s.org_id = t.org_id and s.aircraft_id = t.aircraft_id and not s.voided
              and s.takeoff_at >= t.last_done and s.takeoff_at <= moment
        ) u on true
        left join rates r on r.org_id = t.org_id and r.aircraft_id = t.aircraft_id
    ), due as (
        select u.*, least(
            u.last_done + make_interval(days => u.interval_days),
            case when u.interval_h <= u.hours then moment
                when u.hours_a_day > 0 then moment + interval '1 day'
                    * ((u.interval_h - u.hours) / u.hours_a_day)::double precision end,
            case when u.interval_cycles <= u.cycles then moment
                when u.cycles_a_day > 0 then moment + interval '1 day'
                    * ((u.interval_cycles - u.cycles) / u.cycles_a_day)::double precision end
        ) as due_at
        from used u
    )
    select org_id, aircraft_id, task_code, last_done, hours, cycles,
           interval_h - hours, interval_cycles - cycles, due_at, coalesce(due_at <= moment, false)
    from due
$$;
comment on function due_list(timestamptz) is 'Tasks and when they are due, at a moment';

-- §4.7: the score of every aircraft, those that never flew too, with what it is made of.
create function maintenance_score(moment timestamptz)
returns table (org_id text, aircraft_id text, score numeric, band text, reasons jsonb,
               policy integer)
    language sql stable
    set search_path = pg_catalog, public
as $$
    with policy as (
        select version, weights from policy_version
        where kind = 'maintenance' and valid @> moment
    ), anomalies as (
        select n.org_id, n.aircraft_id, n.category, count(*) as flights
        from session_anomalies n
        where n.flown_at > moment - interval '30 days' and n.flown_at <= moment
        group by n.org_id, n.aircraft_id, n.category
    ), weighed as (
        select n.org_id, n.aircraft_id,
               sum(n.flights * (p.weights ->> n.category::text)::numeric) as term,
               jsonb_object_agg(n.category, n.flights) as counts
        from anomalies n cross join policy p
        where p.weights ? n.category::text
        group by n.org_id, n.aircraft_id
    ), risks as (
        select r.org_id, r.aircraft_id,
               avg(r.risk_score) filter (where r.flown_at > moment - interval '7 days') as mean_risk,
               count(*) filter (where r.risk_score > 0.7) as high_risk
        from session_risk r
        where r.flown_at > moment - interval '14 days' and r.flown_at <= moment
        group by r.org_id, r.aircraft_id
    ), due as (
        select d.org_id, d.aircraft_id, min(d.due_at) as due_at
        from due_list(moment) d group by d.org_id, d.aircraft_id
    ), terms as (
        select a.org_id, a.aircraft_id, p.version,
               coalesce(w.term, 0) as anomaly_term, coalesce(w.counts, '{}') as counts,
               coalesce(r.mean_risk, 0) * (p.weights ->> 'risk')::numeric as risk_term,
               coalesce(r.high_risk, 0) * (p.weights ->> 'high_risk')::numeric as high_risk_term,
               case when d.due_at <= moment then (p.weights ->> 'overdue')::numeric
                   when d.due_at <= moment + interval '7 days' then (p.weights ->> 'due_7')::numeric
                   when d.due_at <= moment + interval '30 days'
                       then (p.weights ->> 'due_30')::numeric
                   when d.due_at <= moment + interval '60 days'
                       then (p.weights ->> 'due_60')::numeric
                   else 0 end as due_term,
               case when h.airborne_s > 1000 * 3600 then (p.weights ->> 'over_1000_h')::numeric
                   when h.airborne_s > 500 * 3600 then (p.weights ->> 'over_500_h')::numeric
                   else 0 end as hours_term
        from aircraft a
        cross join policy p
        left join weighed w on w.org_id = a.org_id and w.aircraft_id = a.aircraft_id
        left join risks r on r.org_id = a.org_id and r.aircraft_id = a.aircraft_id
        left join due d on d.org_id = a.org_id and d.aircraft_id = a.aircraft_id
        left join aircraft_hours h on h.org_id = a.org_id and h.aircraft_id = a.aircraft_id
        where a.status <> 'retired'
    ), scored as (
        select t.*, least(100, round(anomaly_term + risk_term + high_risk_term + due_term
                                     + hours_term, 2)) as score
        from terms t
    )
    select org_id, aircraft_id, score,
           case when score >= 80 then 'critical' when score >= 60 then 'urgent'
               when score >= 40 then 'high' when score >= 20 then 'medium' else 'low' end,
           jsonb_build_object('anomalies', anomaly_term, 'of', counts, 'risk', risk_term,
               'high_risk', high_risk_term, 'due', due_term, 'hours', hours_term),
           version
    from scored
$$;
comment on function maintenance_score(timestamptz) is
    '0 to 100 with its reasons: 80 critical, ground; 60 urgent, 24 h; 40 high, 7 d; 20 medium';

-- Q1: the fleet at a glance.
create view fleet_board with (security_invoker = true) as
select a.org_id, a.aircraft_id, a.type, a.status, n.session_id, s.status as session_status,
       n.lat, n.lon, n.alt_m, n.batt_v, n.batt_pct, n.mode, n.seen,
       coalesce(w.open, 0) as open_warnings, w.worst,
       coalesce(h.airborne_s, 0) / 3600 as hours, coalesce(h.cycles, 0) as cycles
from aircraft a
left join aircraft_now n on n.org_id = a.org_id and n.aircraft_id = a.aircraft_id
left join session_state s on s.org_id = n.org_id and s.session_id = n.session_id
left join (
    select org_id, aircraft_id, count(*) as open, max(severity) as worst
    from warning_state
    where raised > cleared
    group by org_id, aircraft_id
) w on w.org_id = a.org_id and w.aircraft_id = a.aircraft_id
left join aircraft_hours h on h.org_id = a.org_id and h.aircraft_id = a.aircraft_id;
comment on view fleet_board is 'Where each aircraft is, and how it does';

-- Q9: an organisation by the month.
create view fleet_months with (security_invoker = true) as
select d.org_id, date_trunc('month', d.day)::date as month, sum(d.flights) as flights,
       sum(d.cycles) as cycles, sum(d.airborne_s) / 3600 as hours,
       count(distinct d.aircraft_id) filter (where d.flights > 0) as active_aircraft,
       sum(d.assessed) as assessed, sum(d.risk_sum) / nullif(sum(d.assessed), 0) as mean_risk,
       sum(d.high_risk) as high_risk
from aircraft_days d
group by d.org_id, date_trunc('month', d.day)::date;
comment on view fleet_months is 'Flights, hours and risk of each month';

-- §4.3: percentiles of an aircraft's month, of the sketches of its flights that stand: within 1 %.
create function aircraft_month(org text, craft text, month date)
returns table (flights bigint, alt double precision[], groundspeed double precision[],
               bank double precision[], vib double precision[], batt_a double precision[])
    language plpgsql stable
    set search_path = pg_catalog, public
as $$
declare
    p constant double precision[] := array[0.05, 0.5, 0.95, 0.99];
begin
    return query
    select m.flights,
           (select array_agg(howdah.sketch_quantile(q, m.alt) order by q) from unnest(p) q),
           (select array_agg(howdah.sketch_quantile(q, m.groundspeed) order by q) from unnest(p) q),
           (select array_agg(howdah.sketch_quantile(q, m.bank) order by q) from unnest(p) q),
           (select array_agg(howdah.sketch_quantile(q, m.vib) order by q) from unnest(p) q),
           (select array_agg(howdah.sketch_quantile(q, m.batt_a) order by q) from unnest(p) q)
    from (
        select count(*) as flights, howdah.sketch_sum(l.alt_p05_sketch) as alt,
               howdah.sketch_sum(l.groundspeed_p05_sketch) as groundspeed,
               howdah.sketch_sum(l.bank_p05_sketch) as bank,
               howdah.sketch_sum(l.vib_p05_sketch) as vib,
               howdah.sketch_sum(l.batt_a_p05_sketch) as batt_a
        from session_levels l
        join session_state s on s.org_id = l.org_id and s.session_id = l.session_id
        where s.org_id = org and s.aircraft_id = craft and s.voided = 0
          and s.day >= month and s.day < month + interval '1 month'
          and (l.source = 'file' or not exists (
              select from session_source o where o.org_id = l.org_id
                and o.session_id = l.session_id and o.source = 'file'))
    ) m;
end
$$;
comment on function aircraft_month(text, text, date) is
    'p05, p50, p95, p99 of a month; of a flight the file counts, or else what came live';

-- §4.6, R6: latencies of a key by the day, within its histogram.
create view api_key_days with (security_invoker = true) as
select org_id, key_id, bucket as day, sum(calls) as calls, sum(errors) as errors,
       sum(bytes_in) as bytes_in, sum(bytes_out) as bytes_out,
       sum(ms_sum) / nullif(sum(calls), 0) as ms_mean, max(ms_max) as ms_max
from api_usage_1d
group by org_id, key_id, bucket;
comment on view api_key_days is 'Calls of each key by the day';

-- §4.1 quota_state: what is used of what may be. Calls are those of the last full or running minutes.
create function quota(moment timestamptz)
returns table (org_id text, bytes numeric, quota_bytes bigint, calls_hour numeric,
               rate_limit_h integer, calls_day numeric)
    language sql stable
    set search_path = pg_catalog, public
as $$
    with calls as (
        select u.org_id, sum(u.calls) filter (where u.bucket > moment - interval '1 hour') as hour,
               sum(u.calls) as day
        from api_usage_1m u
        where u.bucket > moment - interval '1 day' and u.bucket <= moment
        group by u.org_id
    )
    select o.org_id, coalesce(s.bytes, 0), o.quota_gb * 1000000000::bigint,
           coalesce(c.hour, 0), o.rate_limit_h, coalesce(c.day, 0)
    from organization o
    left join storage s on s.org_id = o.org_id
    left join calls c on c.org_id = o.org_id
$$;
comment on function quota(timestamptz) is 'Stored bytes and calls against their limits';

grant select on sample_minutes, sample_seconds, counted_samples, session_summary,
    session_envelope, session_percentiles, session_outside, session_vibration,
    session_motors, session_quality, component_hours, session_battery, pack_health, session_risk,
    session_anomalies, risk_averages, fleet_board, fleet_months, api_key_days to public;
