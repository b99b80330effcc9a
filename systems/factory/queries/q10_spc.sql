-- Q10: the last 25 subgroups of a chart with the limits of their time and the rules they break.
-- $1: equipment, $2: characteristic
select subgroup_id, taken_at, n, mean, spread, cl, lcl, ucl, beyond_3, two_of_3, four_of_5,
    eight_on_a_side, six_in_a_row
from spc_points
where equipment_id = $1 and characteristic = $2
order by taken_at desc
limit 25;
