-- An event is there once: by its place on the chain, and by its transaction.
with events as (
    select 'atoms_created' as stream, chain_id, block_number, transaction_hash, log_index
    from atoms_created_history
    union all
    select 'triples_created', chain_id, block_number, transaction_hash, log_index
    from triples_created_history where not is_counter
    union all
    select 'stakes', chain_id, block_number, transaction_hash, log_index from stakes_history
    union all
    select 'share_prices', chain_id, block_number, transaction_hash, log_index
    from share_prices_history
)
select 'place' as twice, chain_id, block_number::text as block, log_index, min(stream), max(stream)
from events group by 1, 2, 3, 4 having count(*) > 1
union all
select 'transaction', chain_id, encode(transaction_hash, 'hex'), log_index, min(stream), max(stream)
from events group by 1, 2, 3, 4 having count(*) > 1
