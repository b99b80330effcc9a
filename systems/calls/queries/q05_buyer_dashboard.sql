-- Q5, buyer: calls, spend and ratios of a time, from one row an hour of each kind; never by joining
-- calls with bids and money, which counts each as often as there are of the other.
-- $1 uuid: buyer, $2 timestamptz: from, $3 timestamptz: to (midnights of the account's time zone)
select c.calls, c.completed, c.billable_s, b.bids, b.won, m.spend, m.refunded,
       b.won::numeric / nullif(b.bids, 0) as win_rate,
       o.converted::numeric / nullif(c.completed, 0) as conversion,
       (o.revenue - m.spend) / nullif(m.spend, 0) as roi,
       a.posted as balance, a.held
from (select sum(calls) as calls, sum(completed) as completed, sum(billable_s) as billable_s
      from buyer_calls_1h
      where buyer_id = $1::uuid and bucket >= $2::timestamptz and bucket < $3::timestamptz) c,
     (select sum(bids) as bids, sum(won) as won from bidder_1h
      where buyer_id = $1::uuid and bucket >= $2::timestamptz and bucket < $3::timestamptz) b,
     (select sum(spent) as spend, sum(refunded) as refunded from account_money_1h
      where account = $1::uuid::text and bucket >= $2::timestamptz
        and bucket < $3::timestamptz) m,
     (select count(*) filter (where o.converted) as converted, sum(o.revenue) as revenue
      from call_state s join outcome_state o using (call_id)
      where s.buyer_id = $1::uuid and s.started_at >= $2::timestamptz
        and s.started_at < $3::timestamptz) o,
     account_state a
where a.account = $1::uuid::text and a.currency = 'USD'
