-- Q6, executive: risk of thirty days by type, with percentiles and trend.
-- $1 text: organisation, $2 timestamptz: now
select *
from risk_profile($2::timestamptz, 30)
where org_id = $1::text
order by type
