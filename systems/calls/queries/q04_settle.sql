-- Q4, billing: what settle_call() looks at: the call, its hold, its price, whether it is billed.
-- $1 text: the provider's name of the call
select r.call_id, r.buyer_id, r.seller_id, s.status, s.duration_s, h.size, h.ended,
       a.clearing_price, a.price_unit, b.charges, b.charged
from call_routes r
join call_state s using (call_id)
join auctions a using (call_id)
left join holds h on h.hold_id = r.winning_bid_id
left join call_billing b on b.call_id = r.call_id
where r.call_sid = $1::text
