-- What is derived is never behind an event that it is derived from.
select 'position' as name, s.chain_id, encode(s.account, 'hex') as key, s.block_number, s.log_index
from stakes_history s
join positions p using (chain_id, address, account, term_id, curve_id)
where (s.block_number, s.log_index) > (p.shares_block_number, p.shares_log_index)
      or s.block_timestamp > p.updated_at or s.block_timestamp < p.created_at
union all
select 'vault', e.chain_id, encode(e.term_id, 'hex'), e.block_number, e.log_index
from share_prices_history e
join vault_prices v using (chain_id, address, term_id, curve_id)
where (e.block_number, e.log_index) > (v.share_price_block_number, v.share_price_log_index)
