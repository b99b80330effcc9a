-- Q3: OEE by shift of a line over thirty days, with the six losses.
-- $1: line, $2: from, $3: to (days)
select shift_id, began, oee, availability, effectiveness, quality_ratio,
    loss_breakdown, loss_setup, loss_minor_stops, loss_speed, loss_defects, loss_rework, unk
from line_shift_kpi
where work_center_id = $1 and shift_id >= to_char($2::date, 'YYYYMMDD')
    and shift_id < to_char($3::date + 1, 'YYYYMMDD')
order by began;
