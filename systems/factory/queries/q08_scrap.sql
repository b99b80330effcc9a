-- Q8: scrap by product and defect: ratio and cost. Each side is summed before they meet.
-- $1: from, $2: to (days)
with made as (
    select product_code, sum(pq) as pq from count_parts where day between $1::date and $2::date group by 1
), lost as (
    select product_code, defect_code, sum(qty) as qty, sum(cost) as cost
    from scrap_days where disposition = 'scrap' and day between $1::date and $2::date group by 1, 2
)
select l.product_code, l.defect_code, l.qty, l.cost, m.pq, l.qty / nullif(m.pq, 0) as scrap_ratio
from lost l
left join made m on m.product_code = l.product_code
order by l.cost desc;
