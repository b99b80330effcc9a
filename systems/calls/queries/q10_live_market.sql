-- Q10, fraud and operations: the last sixty minutes: offered, sold, bids, prices, routing times.
-- $1 timestamptz: now
select m.bucket, sum(m.opened) as offered, sum(m.sold) as sold,
       sum(m.price_sum) / nullif(sum(m.price_count), 0) as mean_price,
       max(m.highest_price) as highest_price,
       (select b.bids from market_bids_1m b where b.bucket = m.bucket) as bids,
       (select sum(c.routed_ms_1 + c.routed_ms_2)::numeric / nullif(sum(c.routed), 0)
        from market_calls_1m c where c.bucket = m.bucket) as routed_within_3_ms
from market_1m m
where m.bucket >= $1::timestamptz - interval '60 minutes' and m.bucket <= $1::timestamptz
group by m.bucket
order by m.bucket desc
