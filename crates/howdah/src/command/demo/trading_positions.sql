select right(p.user_id::text, 6) as "user", c.exchange, p.symbol, trim_scale(p.quantity) as quantity,
       round(p.entry_price, 4) as entry, round((t.price - p.entry_price) * p.quantity, 2) as open_pnl,
       round(p.realised - p.fees, 2) as realised
from positions p
join exchange_connections c on c.tenant_id = p.tenant_id and c.id = p.connection_id
join tickers t on t.exchange = c.exchange and t.symbol = p.symbol
where p.quantity <> 0
order by abs(p.quantity * t.price) desc
limit 5
