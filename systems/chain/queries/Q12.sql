-- The proof of a position ($1 account, $2 term, $3 curve): its events, with running values. The
-- position says between which times they lie.
select e.block_timestamp, e.block_number, e.log_index, e.kind, e.assets, e.shares, e.total_shares,
       sum(e.assets_after_fees) over so_far as deposited,
       sum(e.assets) filter (where e.kind = 'Redeemed') over so_far as redeemed
from positions p
cross join lateral (
    select block_timestamp, block_number, log_index, kind, assets, shares, total_shares,
           assets_after_fees
    from stakes_between(p.created_at, p.updated_at + interval '1 microsecond') s
    where s.chain_id = 1155 and s.address = '\x6e35cf57a41fa15ea0eae9c33e751b01a784fe7e'
          and s.account = $1 and s.term_id = $2 and s.curve_id = $3
    offset 0) e
where p.account = $1 and p.term_id = $2 and p.curve_id = $3
      and p.chain_id = 1155 and p.address = '\x6e35cf57a41fa15ea0eae9c33e751b01a784fe7e'
window so_far as (order by e.block_number, e.log_index)
order by e.block_number, e.log_index
