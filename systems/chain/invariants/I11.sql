-- A derived row belongs to a deployment that has events, so none was made of two.
with known as (
    select chain_id, address from stakes_history
    union select chain_id, address from share_prices_history
    union select chain_id, address from atoms_created_history
    union select chain_id, address from triples_created_history
), derived as (
    select 'positions' as name, chain_id, address from positions
    union select 'vault_prices', chain_id, address from vault_prices
    union select 'vault_holders', chain_id, address from vault_holders
    union select 'term_totals', chain_id, address from term_totals
    union select 'sides', chain_id, address from sides
    union select 'triple_vault', chain_id, address from triple_vault
    union select 'triple_term', chain_id, address from triple_term
    union select 'predicate_object', chain_id, address from predicate_object
    union select 'subject_predicate', chain_id, address from subject_predicate
)
select * from derived d
where not exists (select from known k where (k.chain_id, k.address) = (d.chain_id, d.address))
