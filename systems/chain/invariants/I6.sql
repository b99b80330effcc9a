-- Amounts of events fit the contract's numbers; sums may exceed them, but are never negative.
select 'stakes' as name, chain_id, block_number::text as at, log_index
from stakes_history
where not (is_uint256(assets) and is_uint256(shares) and is_uint256(total_shares)
           and is_uint256(coalesce(assets_after_fees, fees)))
union all
select 'share_prices', chain_id, block_number::text, log_index
from share_prices_history
where not (is_uint256(share_price) and is_uint256(total_assets) and is_uint256(total_shares))
union all
select 'positions', chain_id, encode(account, 'hex'), null
from positions
where shares < 0 or total_deposit_assets_after_total_fees < 0
      or total_redeem_assets_for_receiver < 0
union all
select 'vault', chain_id, encode(term_id, 'hex'), null
from vault where market_cap < 0 or total_assets < 0 or position_count < 0
union all
select 'term', chain_id, encode(term_id, 'hex'), null
from term where total_assets < 0 or total_market_cap < 0
