select b.org_id as operator, b.type, count(*) as aircraft, sum(h.flights) as flights,
    round(sum(h.airborne_s) / 3600, 2) as hours, sum(h.cycles) as landings,
    sum(b.open_warnings) as warnings
from fleet_board b
left join aircraft_hours h using (org_id, aircraft_id)
group by b.org_id, b.type
order by flights desc nulls last
limit 5
