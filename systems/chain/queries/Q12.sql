-- The proof of a position ($1 account, $2 term, $3 curve): its events, with running values.
select block_timestamp, block_number, log_index, kind, assets, shares, total_shares,
       sum(assets_after_fees) over so_far as deposited,
       sum(assets) filter (where kind = 'Redeemed') over so_far as redeemed
from stakes
where account = $1 and term_id = $2 and curve_id = $3
      and chain_id = 1155 and address = '\x6e35cf57a41fa15ea0eae9c33e751b01a784fe7e'
window so_far as (order by block_number, log_index)
order by block_number, log_index
