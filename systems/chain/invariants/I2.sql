-- A position is what its events give: the shares of the latest, both sums, the marks, the times.
with told as (
    select chain_id, address, account, term_id, curve_id,
           (array_agg(total_shares order by block_number desc, log_index desc))[1] as shares,
           coalesce(sum(assets_after_fees) filter (where kind = 'Deposited'), 0) as deposits,
           coalesce(sum(assets) filter (where kind = 'Redeemed'), 0) as redeems,
           max(o) as last,
           max(o) filter (where kind = 'Deposited') as last_deposit,
           max(o) filter (where kind = 'Redeemed') as last_redeem,
           min(block_timestamp) as created_at, max(block_timestamp) as updated_at
    from stakes_history, lateral (select block_number * 16777216 + log_index as o) marks
    group by 1, 2, 3, 4, 5
), kept as (
    select chain_id, address, account, term_id, curve_id, shares,
           total_deposit_assets_after_total_fees as deposits,
           total_redeem_assets_for_receiver as redeems,
           last_shares_block * 16777216 + last_shares_log as last,
           last_deposit_block * 16777216 + last_deposit_log as last_deposit,
           last_redeem_block * 16777216 + last_redeem_log as last_redeem, created_at, updated_at
    from position_of_account
)
(select 'missing' as row, * from told except all select 'missing', * from kept)
union all
(select 'surplus', * from kept except all select 'surplus', * from told)
