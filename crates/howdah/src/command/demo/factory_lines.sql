select c.org_id, e.work_center_id as line, sum(c.pq) as parts, round(sum(c.gq) / nullif(sum(c.pq), 0), 3) as quality
from count_parts c
join equipment e on e.org_id = c.org_id and e.equipment_id = c.equipment_id
group by 1, 2
order by 3 desc
limit 5
