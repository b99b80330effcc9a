-- A vault is what its latest price says; its positions are those with shares; its cap is exact.
with prices as (
    select distinct on (chain_id, address, term_id, curve_id)
           chain_id, address, term_id, curve_id, share_price, total_shares, total_assets,
           block_number, log_index,
           round(total_shares * share_price * 0.000000000000000001) as market_cap
    from share_prices_history
    order by chain_id, address, term_id, curve_id, block_number desc, log_index desc
), holders as (
    select chain_id, address, term_id, curve_id, count(*) filter (where shares > 0) as holders
    from positions group by 1, 2, 3, 4
), told as (
    select chain_id, address, term_id, curve_id, coalesce(share_price, 0),
           coalesce(total_shares, 0), coalesce(total_assets, 0), block_number, log_index,
           coalesce(market_cap, 0), coalesce(holders, 0)
    from prices full join holders using (chain_id, address, term_id, curve_id)
), kept as (
    select chain_id, address, term_id, curve_id, current_share_price, total_shares, total_assets,
           last_price_block, last_price_log, market_cap, position_count
    from vault
)
(select 'missing' as row, * from told except all select 'missing', * from kept)
union all
(select 'surplus', * from kept except all select 'surplus', * from told)
