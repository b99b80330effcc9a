-- The whole protocol by the day, for 90 days before $1.
select f.bucket, f.deposits, f.redeems, f.deposited, f.redeemed, f.fees, a.accounts
from flows_1d f
left join active_accounts a
     on a.chain_id = f.chain_id and a.address = f.address and a.day = f.bucket::date
where f.chain_id = 1155 and f.address = '\x6e35cf57a41fa15ea0eae9c33e751b01a784fe7e'
      and f.bucket >= $1::timestamptz - interval '90 days' and f.bucket < $1
order by f.bucket
