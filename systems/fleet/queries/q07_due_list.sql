-- Q7, maintenance: what is due, and the score of each aircraft with its reasons.
-- $1 text: organisation, $2 timestamptz: now
select m.aircraft_id, m.score, m.band, m.reasons, d.task_code, d.due_at, d.overdue, d.hours_left,
       d.cycles_left
from maintenance_score($2::timestamptz) m
left join due_list($2::timestamptz) d on d.org_id = m.org_id and d.aircraft_id = m.aircraft_id
    and d.org_id = $1::text
where m.org_id = $1::text
order by m.score desc, m.aircraft_id, d.due_at
