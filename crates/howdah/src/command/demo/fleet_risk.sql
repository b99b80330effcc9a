select aircraft_id as aircraft, sum(flights) as flights,
    round(sum(risk_sum) / nullif(sum(assessed), 0), 3) as mean_risk, sum(high_risk) as high_risk
from aircraft_days
group by org_id, aircraft_id
having sum(assessed) > 0
order by sum(high_risk) desc, mean_risk desc
limit 5
