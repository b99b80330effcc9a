-- Two of the rival definitions of OEE. Both join stops to runs before they sum: a run counts once
-- for each of its stops.

set search_path = factory_before;

create materialized view view_oee_daily as
with sums as (
    select p.equipment_id, date_trunc('day', p.start_time) as day,
        sum(p.operating_time) as operating, coalesce(sum(d.duration_s), 0) as down,
        sum(p.total_parts_produced * p.ideal_cycle_time_s) as ideal,
        sum(p.good_parts)::numeric as good, sum(p.total_parts_produced)::numeric as total
    from fact_production p
    left join fact_machine_downtime d on d.production_id = p.id
    group by 1, 2
)
select equipment_id, day,
    (operating - down) / nullif(operating, 0) as availability,
    least(ideal / nullif(operating, 0), 1) as performance,
    good / nullif(total, 0) as quality,
    (operating - down) / nullif(operating, 0) * least(ideal / nullif(operating, 0), 1)
        * good / nullif(total, 0) as oee
from sums;

-- The other one measures performance against planned time, and says 1 when nothing is known.
create view view_oee_shift as
select p.equipment_id, p.start_time,
    p.operating_time / p.planned_time as availability,
    coalesce(p.total_parts_produced * p.ideal_cycle_time_s / nullif(p.planned_time, 0), 1) as performance,
    p.good_parts::numeric / nullif(p.total_parts_produced, 0) as quality,
    p.operating_time / p.planned_time
        * coalesce(p.total_parts_produced * p.ideal_cycle_time_s / nullif(p.planned_time, 0), 1)
        * p.good_parts::numeric / nullif(p.total_parts_produced, 0) as oee
from fact_production p;

create view view_scrap_ratio as
select p.equipment_id, date_trunc('day', p.start_time) as day,
    coalesce(sum(s.qty), 0)::numeric / nullif(sum(p.total_parts_produced), 0) as scrap_ratio
from fact_production p
join fact_scrap s on s.production_id = p.id
group by 1, 2;

-- A machine that never failed has a mean time between failures of nought, and comes out worst.
create view view_mtbf as
select e.id as equipment_id,
    coalesce(sum(p.operating_time) / nullif(count(d.id), 0), 0) / 3600 as mtbf_h
from dim_equipment e
left join fact_production p on p.equipment_id = e.id
left join fact_machine_downtime d on d.production_id = p.id
group by 1;

-- Row security that shows everything when the setting is missing, and is not forced.
alter table fact_production enable row level security;
create policy site_rows on fact_production using (
    current_setting('app.current_site', true) is null
    or exists (
        select from dim_equipment e
        join dim_work_center w on w.id = e.work_center_id
        join dim_area a on a.id = w.area_id
        where e.id = fact_production.equipment_id
            and a.site_id = current_setting('app.current_site', true)::int));
