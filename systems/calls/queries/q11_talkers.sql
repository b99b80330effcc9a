-- Q10, the second half: who called most within the hour; more than ten is above the limit.
-- $1 timestamptz: now
select phone_hmac, sum(calls) as calls
from caller_1m
where bucket >= $1::timestamptz - interval '60 minutes' and bucket <= $1::timestamptz
group by phone_hmac
order by calls desc
limit 20
