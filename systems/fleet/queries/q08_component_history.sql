-- Q8, maintenance: a part over its life: where it was, what it flew, how healthy it was.
-- $1 text: organisation, $2 text: component
select i.aircraft_id, i.position, i.period, count(s.session_id) as flights,
       sum(s.airborne_s) / 3600 as hours, sum(s.cycles) as cycles,
       (select jsonb_agg(jsonb_build_array(b.takeoff_at, b.soh, b.ohm, b.end_v)
                         order by b.takeoff_at)
        from session_battery b
        where b.org_id = i.org_id and b.component_id = i.component_id
          and b.takeoff_at <@ i.period) as health
from installation i
left join session_summary s on s.org_id = i.org_id and s.aircraft_id = i.aircraft_id
    and i.period @> s.takeoff_at and not s.voided
where i.org_id = $1::text and i.component_id = $2::text
group by i.org_id, i.component_id, i.aircraft_id, i.position, i.period
order by i.period
