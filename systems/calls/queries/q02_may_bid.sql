-- Q2, bidder: what may_bid() looks at before a bid is placed.
-- $1 uuid: buyer, $2 timestamptz: now
select a.status, a.compliance_flags, t.max_bid_amount,
       coalesce(s.posted, 0) + s.credit_limit - coalesce(s.held, 0) as available,
       (select coalesce(sum(m.bids), 0) from bidder_1m m
        where m.buyer_id = a.id and m.bucket > $2::timestamptz - interval '5 minutes'
          and m.bucket <= $2::timestamptz) as recent_bids,
       coalesce(c.taken, 0) as calls_now, c.max_concurrent
from accounts a
join account_settings t on t.account_id = a.id
join account_state s on s.account = a.id::text and s.currency = 'USD'
left join buyer_slots c on c.buyer_id = a.id
where a.id = $1::uuid
