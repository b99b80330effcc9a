-- Q9, executive: twelve months of an organisation.
-- $1 text: organisation, $2 date: today
select *
from fleet_months
where org_id = $1::text and month > $2::date - interval '12 months'
order by month
