-- Advisory, and only when every event up to a block is in: the shares of a vault are those of its
-- positions and the minimum that nobody holds.
select v.chain_id, v.address, v.term_id, v.curve_id, v.total_shares,
       coalesce(p.shares, 0) + d.minimum_share as held
from vault_prices v
join deployments d using (chain_id, address)
left join (select chain_id, address, term_id, curve_id, sum(shares) as shares
           from positions group by 1, 2, 3, 4) p using (chain_id, address, term_id, curve_id)
where v.total_shares <> coalesce(p.shares, 0) + d.minimum_share
