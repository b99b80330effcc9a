-- Portfolio of an account ($1): what it holds, what that is worth, its profit; largest first.
select p.term_id, p.curve_id, p.shares, v.share_price,
       div(p.shares * v.share_price, 1000000000000000000) as value,
       p.total_deposit_assets_after_total_fees as deposited,
       p.total_redeem_assets_for_receiver as redeemed,
       div(p.shares * v.share_price, 1000000000000000000)
           + coalesce(p.total_redeem_assets_for_receiver, 0)
           - coalesce(p.total_deposit_assets_after_total_fees, 0) as profit
from positions p
join vault_prices v using (chain_id, address, term_id, curve_id)
where p.chain_id = 1155 and p.address = '\x6e35cf57a41fa15ea0eae9c33e751b01a784fe7e'
      and p.account = $1 and p.shares > 0
order by value desc
limit 1000
