-- Q1: the wall board of a site: state, since, order, counts and alarms of all its machines.
-- $1: site
select equipment_id, state, since, reason_code, order_no, product_code, total_cum, good_cum, open_alarms
from wall_board
where site_id = $1
order by equipment_id;
