-- What violations may cost: 500 to 1500 USD for a call, 40,654 for one to a listed number.
-- $1 timestamptz: from, $2 timestamptz: to
select buyer_id, sum(violations) as violations,
       sum(violations * 500) as least,
       sum(violations * case when "check" = 'dnc' then 40654 else 1500 end) as most
from compliance_1d
where bucket >= $1::timestamptz and bucket < $2::timestamptz and violations > 0
group by buyer_id
order by most desc
