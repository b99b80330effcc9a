select to_char(bucket at time zone 'utc', 'HH24:MI') as hour, sum(opened) as opened,
    sum(sold) as sold, sum(unsold) as unsold,
    round(sum(price_sum) / nullif(sum(price_count), 0), 2) as price
from market_1h
group by bucket
order by bucket desc
limit 5
