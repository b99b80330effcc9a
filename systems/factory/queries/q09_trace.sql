-- Q9: what there is of a lot: machines, measurements, inspections, scrap, and who (by pseudonym).
-- $1: lot
select 'measurement' as what, ts, equipment_id, characteristic || ' ' || value as said, gauge_id as who
from measurement where lot = $1 and lot <> ''
union all
select 'inspection', ts, equipment_id, kind || ' ' || defects || '/' || sample_size, inspector
from inspection where lot = $1 and lot <> ''
union all
select 'scrap', ts, equipment_id, defect_code || ' ' || qty, null
from scrap_event where lot = $1 and lot <> ''
order by 2;
