-- Q9, finance: the statement of an account for a time, with the balance after each entry; of
-- folded chunks too.
-- $1 text: account, $2 timestamptz: from, $3 timestamptz: to
select event_time, kind, amount, reference_type, reference_id,
       coalesce((select sum(net) from account_money_1h
                 where account = $1::text and bucket < $2::timestamptz), 0)
           + sum(amount) over (order by event_time, txn_id) as balance
from ledger_between($2::timestamptz, $3::timestamptz)
where account = $1::text and bucket = 'posted'
order by event_time, txn_id
