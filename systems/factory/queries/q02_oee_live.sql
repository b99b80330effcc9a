-- Q2: OEE of one machine in a shift, live: what is committed, and the state that goes on.
-- $1: equipment, $2: shift
select k.shift_id, k.pot, k.apt, k.pdt, k.pq, k.gq, k.oee,
    o.state as now_in, o.ts as since,
    case when o.state = 'PRODUCING' then k.apt + least(o.seconds, extract(epoch from now() - k.began))
        else k.apt end as apt_live
from machine_shift_kpi k
left join machine_time_open o on o.org_id = k.org_id and o.equipment_id = k.equipment_id
where k.equipment_id = $1 and k.shift_id = $2;
