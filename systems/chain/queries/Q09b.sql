-- Every price of a vault ($1 term, $2 curve) on the day before $3.
select block_timestamp, share_price, total_assets, total_shares
from share_prices_between($3::timestamptz - interval '1 day', $3)
where term_id = $1 and curve_id = $2
      and chain_id = 1155 and address = '\x6e35cf57a41fa15ea0eae9c33e751b01a784fe7e'
order by block_timestamp, block_number, log_index
