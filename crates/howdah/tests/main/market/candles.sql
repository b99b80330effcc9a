select exchange, symbol, date_trunc('UNIT', executed_at, 'UTC'),
    (array_agg(price order by executed_at, trade_id))[1],
    max(price), min(price),
    (array_agg(price order by executed_at desc, trade_id desc))[1],
    sum(quantity), sum(case when side = 'buy' then quantity end),
    sum(price) / count(*), count(*)
from RAW.trades
group by 1, 2, 3
