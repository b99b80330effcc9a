-- Terms: the sums of their vaults; a row for every id that an event has named; no type is unknown
-- whose creation is known.
with named as (
    select chain_id, address, term_id from vault
    union select chain_id, address, term_id from atoms_created_history
    union select chain_id, address, triple_id from triples_created_history
    union select chain_id, address, counter_term_id from triples_created_history
), sums as (
    select chain_id, address, term_id, sum(total_assets) as assets, sum(market_cap) as cap
    from vault group by 1, 2, 3
), told as (
    select chain_id, address, term_id,
           case when atoms > 0 then 'Atom' when sides > 0 then 'Triple' else 'Unknown' end as type,
           coalesce(assets, 0) as assets, coalesce(cap, 0) as cap
    from named
    left join sums using (chain_id, address, term_id)
    left join (select chain_id, address, term_id, count(*) as atoms
               from atoms_created_history group by 1, 2, 3) a using (chain_id, address, term_id)
    left join (select chain_id, address, term_id, count(*) as sides
               from triples_created_history group by 1, 2, 3) t using (chain_id, address, term_id)
), kept as (
    select chain_id, address, term_id, type, total_assets, total_market_cap from term
)
(select 'missing' as row, * from told except all select 'missing', * from kept)
union all
(select 'surplus', * from kept except all select 'surplus', * from told)
