-- Price history of a vault ($1 term, $2 curve) by the hour, for 90 days before $3.
select bucket, open, high, low, close, total_assets, total_shares
from prices_1h
where chain_id = 1155 and address = '\x6e35cf57a41fa15ea0eae9c33e751b01a784fe7e'
      and term_id = $1 and curve_id = $2
      and bucket >= $3::timestamptz - interval '90 days' and bucket < $3
order by bucket
