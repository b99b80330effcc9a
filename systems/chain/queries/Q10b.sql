-- A term ($1) by the day, for 90 days before $2.
select f.bucket, f.deposits, f.redeems, f.deposited, f.redeemed, f.fees, a.accounts
from term_flows_1d f
left join term_active_accounts a
     on a.chain_id = f.chain_id and a.address = f.address and a.term_id = f.term_id
        and a.day = f.bucket::date
where f.chain_id = 1155 and f.address = '\x6e35cf57a41fa15ea0eae9c33e751b01a784fe7e'
      and f.term_id = $1
      and f.bucket >= $2::timestamptz - interval '90 days' and f.bucket < $2
order by f.bucket
