-- Q4: OEE of each line and day, all sites, and the ten machines that lost the most.
-- $1: from, $2: to (days)
with days as (
    select work_center_id, equipment_id, day, oee, pbt, ideal_gq_s, unk
    from machine_day_kpi
    where day between $1::date and $2::date
)
(select 'line' as what, work_center_id as name, day, sum(ideal_gq_s) / nullif(sum(pbt), 0) as oee, null::numeric as lost_s
from days group by work_center_id, day order by day, work_center_id)
union all
(select 'machine', equipment_id, null, sum(ideal_gq_s) / nullif(sum(pbt), 0), sum(pbt - ideal_gq_s - unk)
from days group by equipment_id order by 5 desc nulls last limit 10);
