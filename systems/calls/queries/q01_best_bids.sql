-- Q1, router: the qualified bids of an open auction by rank, with money and fraud score.
-- $1 uuid: auction, $2 timestamptz: now
select b.bid_id, b.buyer_id, b.amount,
       bid_score(b.amount, a.rating, coalesce(f.score, 0)) as score,
       coalesce(s.posted, 0) + s.credit_limit - coalesce(s.held, 0) as available,
       f.score as fraud
from bid_state b
join accounts a on a.id = b.buyer_id
join holds h on h.hold_id = b.bid_id
join account_state s on s.account = b.buyer_id::text and s.currency = 'USD'
left join fraud_state f on f.subject_kind = 'bid' and f.subject_id = b.bid_id::text
where b.auction_id = $1::uuid and b.status in ('placed', 'modified')
  and b.expires_at > $2::timestamptz and h.ended = 0 and h.size >= b.amount
  and a.status = 'active' and not a.compliance_flags && array['SUSPENDED', 'BANNED']
  and coalesce(f.score, 0) <= 0.8
order by score desc, b.received, b.bid_id
limit 20
