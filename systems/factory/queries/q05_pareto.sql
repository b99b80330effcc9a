-- Q5: stops of a line by reason.
-- $1: line, $2: from, $3: to (days)
select t.reason_code, min(r.text) as reason, sum(t.starts) as stops, sum(t.seconds_in) as seconds,
    sum(sum(t.seconds_in)) over (order by sum(t.seconds_in) desc) / nullif(sum(sum(t.seconds_in)) over (), 0) as share_so_far
from equipment e
join time_parts t on t.org_id = e.org_id and t.equipment_id = e.equipment_id
left join stop_reasons r on r.org_id = t.org_id and r.reason_code = t.reason_code
where e.work_center_id = $1 and t.state in ('DOWN', 'MINOR_STOP') and t.day between $2::date and $3::date
group by t.reason_code
order by 4 desc;
