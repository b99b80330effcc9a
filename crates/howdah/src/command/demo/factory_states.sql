select state, count(*) as machines
from machine_now
group by state
order by 2 desc
limit 5
