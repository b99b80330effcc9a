select desk_id, account, date_trunc('day', executed_at, 'UTC'), count(*), sum(quantity * price)
from RAW.fills
group by 1, 2, 3
