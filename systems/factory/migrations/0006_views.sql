-- What people and programs ask. Every figure is computed from sums of elements, by one definition
-- (kpis), with the rights of whoever asks.

-- Which element of the time model (ISO 22400) a row of time is of. A reason decides what being DOWN
-- was; a stop of less than 300 s without a reason of failure is a delay.
create view element_time with (security_invoker = true) as
select t.org_id, t.equipment_id, t.shift_id, t.day, t.product_code, t.reason_code,
    part.element, part.seconds, part.starts, (t.state = 'DOWN' and coalesce(r.is_failure, false)) as failure
from time_parts t
left join stop_reasons r on r.org_id = t.org_id and r.reason_code = t.reason_code
cross join lateral (
    select case
        when t.state = 'PRODUCING' then 'APT'
        when t.state = 'SETUP' then 'AUST'
        when t.state in ('MINOR_STOP', 'STARVED', 'BLOCKED') then 'ADET'
        when t.state in ('PLANNED_STOP', 'BREAK') then 'PDT'
        when t.state = 'NO_ORDER' then 'NST'
        when t.state = 'OFFLINE' then 'UNK'
        when not r.affects_oee then 'PDT'
        else coalesce(r.bucket, 'ADOT')
    end as element
) e
cross join lateral (
    select e.element = 'ADOT' and not coalesce(r.is_failure, false) as may_be_short
) s
cross join lateral (values
    (e.element,
        t.seconds_in - case when s.may_be_short then t.seconds_short else 0 end,
        t.starts - case when s.may_be_short then t.starts_short else 0 end),
    ('ADET',
        case when s.may_be_short then t.seconds_short else 0 end,
        case when s.may_be_short then t.starts_short else 0 end)
) part (element, seconds, starts);
comment on view element_time is 'Time in the elements of ISO 22400, with the stops that it began with';

-- The sums of a machine in a part of a shift: what every figure is made of.
create view machine_parts with (security_invoker = true) as
select p.org_id, p.work_center_id, e.equipment_id, p.shift_id, p.day, lower(p.period) as began,
    extract(epoch from upper(p.period) - lower(p.period)) as pot,
    coalesce(t.pdt, 0) as pdt, coalesce(t.apt, 0) as apt, coalesce(t.aust, 0) as aust,
    coalesce(t.adet, 0) as adet, coalesce(t.adot, 0) as adot, coalesce(t.nst, 0) as nst,
    coalesce(t.failures, 0) as failures, coalesce(t.failure_s, 0) as failure_s,
    coalesce(c.pq, 0) as pq, coalesce(c.gq, 0) as gq, coalesce(c.sq, 0) as sq, coalesce(c.rq, 0) as rq,
    coalesce(s.known_pq, 0) as known_pq,
    coalesce(s.ideal_pq_s, 0) as ideal_pq_s, coalesce(s.ideal_gq_s, 0) as ideal_gq_s,
    coalesce(s.ideal_sq_s, 0) as ideal_sq_s, coalesce(s.ideal_rq_s, 0) as ideal_rq_s,
    coalesce(s.psq, 0) as psq, s.standards
from shift_parts p
join equipment e on e.org_id = p.org_id and e.work_center_id = p.work_center_id
left join lateral (
    select sum(t.seconds) filter (where t.element = 'PDT') as pdt,
        sum(t.seconds) filter (where t.element = 'APT') as apt,
        sum(t.seconds) filter (where t.element = 'AUST') as aust,
        sum(t.seconds) filter (where t.element = 'ADET') as adet,
        sum(t.seconds) filter (where t.element = 'ADOT') as adot,
        sum(t.seconds) filter (where t.element = 'NST') as nst,
        sum(t.starts) filter (where t.failure) as failures,
        sum(t.seconds) filter (where t.failure) as failure_s
    from element_time t
    where t.org_id = p.org_id and t.equipment_id = e.equipment_id
        and t.shift_id = p.shift_id and t.day = p.day
) t on true
left join lateral (
    select sum(c.pq) as pq, sum(c.gq) as gq, sum(c.sq) as sq, sum(c.rq) as rq
    from count_parts c
    where c.org_id = p.org_id and c.equipment_id = e.equipment_id
        and c.shift_id = p.shift_id and c.day = p.day
) c on true
left join lateral (
    select sum(s.pq) as known_pq, sum(s.pq * v.pri_s) as ideal_pq_s, sum(s.gq * v.pri_s) as ideal_gq_s,
        sum(s.sq * v.pri_s) as ideal_sq_s, sum(s.rq * v.pri_s) as ideal_rq_s,
        sum(s.pq * v.planned_scrap_ratio) as psq,
        string_agg(distinct v.standard_id || '.' || v.row_version, ' ') as standards
    from standard_parts s
    join production_standards v on v.org_id = s.org_id and v.standard_id = s.standard_id
    where s.org_id = p.org_id and s.equipment_id = e.equipment_id
        and s.shift_id = p.shift_id and s.day = p.day
) s on true;
comment on view machine_parts is 'Sums of a machine in each part of its shifts';
comment on column machine_parts.standards is 'Standards that counted: id and version';

-- The one definition of each figure. Unknown is null: no standard, no effectiveness; no failure, no
-- mean time between failures. Nothing is capped: an effectiveness above 1 is a wrong standard.
create function kpis(
    pot numeric, pdt numeric, apt numeric, aust numeric, adet numeric, adot numeric, nst numeric,
    pq numeric, gq numeric, sq numeric, rq numeric, known_pq numeric, ideal_pq_s numeric,
    ideal_gq_s numeric, ideal_sq_s numeric, ideal_rq_s numeric, psq numeric, calendar_s numeric,
    out kpi_version integer, out pbt numeric, out unk numeric,
    out availability numeric, out effectiveness numeric, out quality_ratio numeric,
    out oee numeric, out nee numeric, out teep numeric,
    out utilisation_efficiency numeric, out allocation_efficiency numeric, out setup_ratio numeric,
    out technical_efficiency numeric, out scrap_ratio numeric, out actual_to_planned_scrap numeric,
    out rework_ratio numeric, out standard_too_slow boolean,
    out loss_breakdown numeric, out loss_setup numeric, out loss_minor_stops numeric,
    out loss_speed numeric, out loss_defects numeric, out loss_rework numeric
)
    language sql immutable parallel safe
    set search_path = pg_catalog
    begin atomic
        select 1, pot - pdt, pot - pdt - apt - aust - adet - adot - nst,
            apt / nullif(pot - pdt, 0),
            case when known_pq = pq then ideal_pq_s / nullif(apt, 0) end,
            gq / nullif(pq, 0),
            case when known_pq = pq then ideal_gq_s / nullif(pot - pdt, 0) end,
            case when known_pq = pq then (apt + aust) * ideal_gq_s / nullif((pot - pdt) * apt, 0) end,
            case when known_pq = pq then ideal_gq_s / nullif(calendar_s, 0) end,
            apt / nullif(apt + aust + adet, 0),
            (apt + aust + adet) / nullif(pot - pdt, 0),
            aust / nullif(apt + aust, 0),
            apt / nullif(apt + adet, 0),
            sq / nullif(pq, 0),
            sq / nullif(psq, 0),
            rq / nullif(pq, 0),
            known_pq = pq and ideal_pq_s > 1.05 * apt and apt > 0,
            adot, aust, adet,
            case when known_pq = pq then apt - ideal_pq_s end,
            case when known_pq = pq then ideal_sq_s end,
            case when known_pq = pq then ideal_rq_s end;
    end;
comment on function kpis is 'KPIs of ISO 22400-2 from sums of elements; version 1 of the definitions';

create view machine_shift_kpi with (security_invoker = true) as
select m.*, k.*
from (
    select org_id, work_center_id, equipment_id, shift_id, min(began) as began,
        sum(pot) as pot, sum(pdt) as pdt, sum(apt) as apt, sum(aust) as aust, sum(adet) as adet,
        sum(adot) as adot, sum(nst) as nst, sum(failures) as failures, sum(failure_s) as failure_s,
        sum(pq) as pq, sum(gq) as gq, sum(sq) as sq, sum(rq) as rq, sum(known_pq) as known_pq,
        sum(ideal_pq_s) as ideal_pq_s, sum(ideal_gq_s) as ideal_gq_s,
        sum(ideal_sq_s) as ideal_sq_s, sum(ideal_rq_s) as ideal_rq_s, sum(psq) as psq,
        string_agg(standards, ' ' order by began) as standards
    from machine_parts
    group by org_id, work_center_id, equipment_id, shift_id
) m
cross join lateral kpis(m.pot, m.pdt, m.apt, m.aust, m.adet, m.adot, m.nst, m.pq, m.gq, m.sq, m.rq,
    m.known_pq, m.ideal_pq_s, m.ideal_gq_s, m.ideal_sq_s, m.ideal_rq_s, m.psq, m.pot) k;
comment on view machine_shift_kpi is 'Figures of a machine in a shift';

create view line_shift_kpi with (security_invoker = true) as
select m.*, k.*
from (
    select org_id, work_center_id, shift_id, min(began) as began, count(distinct equipment_id) as machines,
        sum(pot) as pot, sum(pdt) as pdt, sum(apt) as apt, sum(aust) as aust, sum(adet) as adet,
        sum(adot) as adot, sum(nst) as nst, sum(failures) as failures, sum(failure_s) as failure_s,
        sum(pq) as pq, sum(gq) as gq, sum(sq) as sq, sum(rq) as rq, sum(known_pq) as known_pq,
        sum(ideal_pq_s) as ideal_pq_s, sum(ideal_gq_s) as ideal_gq_s,
        sum(ideal_sq_s) as ideal_sq_s, sum(ideal_rq_s) as ideal_rq_s, sum(psq) as psq
    from machine_parts
    group by org_id, work_center_id, shift_id
) m
cross join lateral kpis(m.pot, m.pdt, m.apt, m.aust, m.adet, m.adot, m.nst, m.pq, m.gq, m.sq, m.rq,
    m.known_pq, m.ideal_pq_s, m.ideal_gq_s, m.ideal_sq_s, m.ideal_rq_s, m.psq, m.pot) k;
comment on view line_shift_kpi is 'Figures of a line in a shift: of the sums over its machines';

create view machine_day_kpi with (security_invoker = true) as
select m.*, k.*
from (
    select p.org_id, p.work_center_id, p.equipment_id, p.day,
        extract(epoch from upper(d.period) - lower(d.period)) as calendar_s,
        sum(pot) as pot, sum(pdt) as pdt, sum(apt) as apt, sum(aust) as aust, sum(adet) as adet,
        sum(adot) as adot, sum(nst) as nst, sum(failures) as failures, sum(failure_s) as failure_s,
        sum(pq) as pq, sum(gq) as gq, sum(sq) as sq, sum(rq) as rq, sum(known_pq) as known_pq,
        sum(ideal_pq_s) as ideal_pq_s, sum(ideal_gq_s) as ideal_gq_s,
        sum(ideal_sq_s) as ideal_sq_s, sum(ideal_rq_s) as ideal_rq_s, sum(psq) as psq,
        string_agg(standards, ' ' order by began) as standards
    from machine_parts p
    left join equipment_days d
        on d.org_id = p.org_id and d.equipment_id = p.equipment_id and d.day = p.day
    group by p.org_id, p.work_center_id, p.equipment_id, p.day, d.period
) m
cross join lateral kpis(m.pot, m.pdt, m.apt, m.aust, m.adet, m.adot, m.nst, m.pq, m.gq, m.sq, m.rq,
    m.known_pq, m.ideal_pq_s, m.ideal_gq_s, m.ideal_sq_s, m.ideal_rq_s, m.psq, m.calendar_s) k;
comment on view machine_day_kpi is 'Figures of a machine in a day of its site';

create view line_day_kpi with (security_invoker = true) as
select m.*, k.*
from (
    select org_id, work_center_id, day, count(*) as machines, sum(calendar_s) as calendar_s,
        sum(pot) as pot, sum(pdt) as pdt, sum(apt) as apt, sum(aust) as aust, sum(adet) as adet,
        sum(adot) as adot, sum(nst) as nst, sum(failures) as failures, sum(failure_s) as failure_s,
        sum(pq) as pq, sum(gq) as gq, sum(sq) as sq, sum(rq) as rq, sum(known_pq) as known_pq,
        sum(ideal_pq_s) as ideal_pq_s, sum(ideal_gq_s) as ideal_gq_s,
        sum(ideal_sq_s) as ideal_sq_s, sum(ideal_rq_s) as ideal_rq_s, sum(psq) as psq
    from machine_day_kpi
    group by org_id, work_center_id, day
) m
cross join lateral kpis(m.pot, m.pdt, m.apt, m.aust, m.adet, m.adot, m.nst, m.pq, m.gq, m.sq, m.rq,
    m.known_pq, m.ideal_pq_s, m.ideal_gq_s, m.ideal_sq_s, m.ideal_rq_s, m.psq, m.calendar_s) k;
comment on view line_day_kpi is 'Figures of a line in a day of its site';

-- MTBF = operating time / failures: null without a failure, and the time is censored then. ISO 22400
-- writes failures + 1 (to be read in the standard); this one divides by what was counted.
create view machine_reliability with (security_invoker = true) as
select e.org_id, e.work_center_id, e.equipment_id, e.type,
    coalesce(r.operating_s, 0) as operating_s, coalesce(r.failures, 0) as failures,
    coalesce(r.failure_s, 0) as failure_s, m.repair_s, m.preventive_s,
    r.operating_s / nullif(r.failures, 0) as mtbf_s,
    case when coalesce(r.failures, 0) = 0 then coalesce(r.operating_s, 0) end as censored_s,
    m.repair_s / nullif(r.failures, 0) as mttr_s,
    r.failure_s / nullif(r.failures, 0) as mdt_s,
    r.operating_s / nullif(r.operating_s + m.repair_s, 0) as inherent_availability,
    m.repair_s / nullif(m.repair_s + m.preventive_s, 0) as corrective_ratio
from equipment e
left join lateral (
    select sum(r.seconds_in) filter (where r.state in ('PRODUCING', 'SETUP')) as operating_s,
        coalesce(sum(r.starts) filter (where r.state = 'DOWN' and s.is_failure), 0) as failures,
        coalesce(sum(r.seconds_in) filter (where r.state = 'DOWN' and s.is_failure), 0) as failure_s
    from reliability r
    left join stop_reasons s on s.org_id = r.org_id and s.reason_code = r.reason_code
    where r.org_id = e.org_id and r.equipment_id = e.equipment_id
) r on true
left join lateral (
    select coalesce(sum(m.repair_s), 0) as repair_s, coalesce(sum(m.preventive_s), 0) as preventive_s
    from maintenance_1mo m
    where m.org_id = e.org_id and m.equipment_id = e.equipment_id
) m on true;
comment on view machine_reliability is
    'MTBF, MTTR and MDT since ever; a failure that is not over counts when the next state comes';

create view wall_board with (security_invoker = true) as
select e.org_id, w.site_id, e.work_center_id, e.equipment_id, n.state, n.since, n.reason_code,
    n.order_no, n.product_code, c.total_cum, c.good_cum, c.counted_at,
    greatest(n.since, c.counted_at) as seen_at, a.open_alarms
from equipment e
join work_centers w on w.org_id = e.org_id and w.work_center_id = e.work_center_id
left join machine_now n on n.org_id = e.org_id and n.equipment_id = e.equipment_id
left join count_now c on c.org_id = e.org_id and c.equipment_id = e.equipment_id
left join lateral (
    select count(*) as open_alarms from alarm_now a
    where a.org_id = e.org_id and a.equipment_id = e.equipment_id and a.phase <> 'clear'
) a on true;

create view order_board with (security_invoker = true) as
select o.org_id, o.order_no, o.product_code, o.work_center_id, o.qty_planned, o.due, o.status,
    coalesce(p.pq, 0) as pq, coalesce(p.gq, 0) as gq, coalesce(p.sq, 0) as sq, coalesce(p.rq, 0) as rq,
    c.first_at, c.last_at, coalesce(p.gq, 0) / o.qty_planned as done,
    p.pq / nullif(extract(epoch from c.last_at - c.first_at), 0) as throughput_per_s
from production_orders o
left join order_progress p on p.org_id = o.org_id and p.order_no = o.order_no
left join order_counts c on c.org_id = o.org_id and c.order_no = o.order_no;

create view pending_signals with (security_invoker = true) as
select n.org_id, n.equipment_id, n.parameter, n.unit, n.read_at, n.readings
from reading_now n
where not exists (
    select from signals s
    where (s.org_id, s.equipment_id, s.parameter) = (n.org_id, n.equipment_id, n.parameter));
comment on view pending_signals is 'Parameters that nobody has declared: kept, and in no figure';

create view orphan_readings with (security_invoker = true) as
select n.org_id, n.equipment_id, n.parameter, n.readings
from reading_now n
where not exists (
    select from equipment e where (e.org_id, e.equipment_id) = (n.org_id, n.equipment_id));
comment on view orphan_readings is 'Readings of machines that there are not';

-- Points of a control chart, each judged by the limits of its time, and the run rules.
create view spc_points with (security_invoker = true) as
with points as (
    select g.org_id, g.equipment_id, g.characteristic, g.subgroup_id, g.taken_at, g.n,
        g.total / g.n as mean, g.high - g.low as spread,
        c.frozen_at, c.chart, c.cl, c.lcl, c.ucl, c.sigma, c.usl, c.lsl,
        (g.total / g.n - c.cl) / (c.sigma / sqrt(g.n)) as z
    from subgroups g
    left join lateral (
        select * from spc_charts c
        where c.org_id = g.org_id and c.equipment_id = g.equipment_id
            and c.characteristic = g.characteristic and c.frozen_at <= g.taken_at
        order by c.frozen_at desc limit 1
    ) c on true
)
select p.*,
    abs(z) > 3 as beyond_3,
    count(*) filter (where z > 2) over w3 >= 2 and z > 2
        or count(*) filter (where z < -2) over w3 >= 2 and z < -2 as two_of_3,
    count(*) filter (where z > 1) over w5 >= 4 and z > 1
        or count(*) filter (where z < -1) over w5 >= 4 and z < -1 as four_of_5,
    count(*) filter (where z > 0) over w8 = 8 or count(*) filter (where z < 0) over w8 = 8 as eight_on_a_side,
    count(*) over w6 = 6 and (rising and lag(rising, 1) over w and lag(rising, 2) over w
            and lag(rising, 3) over w and lag(rising, 4) over w
        or falling and lag(falling, 1) over w and lag(falling, 2) over w
            and lag(falling, 3) over w and lag(falling, 4) over w) as six_in_a_row
from (
    select p.*, mean > lag(mean) over w as rising, mean < lag(mean) over w as falling
    from points p
    window w as (partition by org_id, equipment_id, characteristic order by taken_at, subgroup_id)
) p
window w as (partition by org_id, equipment_id, characteristic order by taken_at, subgroup_id),
    w3 as (w rows 2 preceding), w5 as (w rows 4 preceding), w6 as (w rows 5 preceding),
    w8 as (w rows 7 preceding);
comment on view spc_points is 'Subgroups against the limits that were frozen before them';
