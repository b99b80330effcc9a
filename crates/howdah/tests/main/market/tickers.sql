select distinct on (exchange, symbol) exchange, symbol, price, side, executed_at,
    count(*) over (partition by exchange, symbol)
from RAW.trades
order by exchange, symbol, executed_at desc, trade_id desc
