select to_char(bucket at time zone 'UTC', 'HH24:MI') as minute,
       trim_scale(open) as open, trim_scale(high) as high, trim_scale(low) as low,
       trim_scale(close) as close, round(volume, 4) as volume, trades
from candles_1m
where exchange = 'binance' and symbol = 'BTC/USDT'
order by bucket desc
limit 5
