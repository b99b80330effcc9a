-- rows: legs
-- params: event_time, txn_id, kind, legs.account_id, legs.bucket, legs.amount, call_id
insert into billing.transactions
    (transaction_time, txn_id, transaction_type, account_id, amount, call_id)
select $1::timestamptz, $2::uuid, $3, case when $4 not like '%:%' then $4::uuid end, $6::numeric,
       $7::uuid
where $5 = 'posted' and $4 not like '%:%'
