select right(buyer_id::text, 4) as buyer, sum(c.calls) as calls, sum(c.completed) as completed,
    round(max(m.spent), 2) as spent, round(max(s.posted), 2) as balance, round(max(s.held), 2) as held
from buyer_calls_1d c
left join account_state s on s.account = c.buyer_id::text and s.currency = 'USD'
left join (select account, sum(spent) as spent from account_money_1d group by 1) m
    on m.account = c.buyer_id::text
group by buyer_id
order by 2 desc
limit 5
