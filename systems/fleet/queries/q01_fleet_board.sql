-- Q1, operations: state, position, battery, warnings of every aircraft, and what it needs.
-- $1 text: organisation, $2 timestamptz: now
select b.*, m.score, m.band
from fleet_board b
left join maintenance_score($2::timestamptz) m
    on m.org_id = b.org_id and m.aircraft_id = b.aircraft_id and m.org_id = $1::text
where b.org_id = $1::text
order by b.aircraft_id
