-- The four tables of triples are the sums of the triples' own vaults, pro and counter; a row of
-- triple_vault stands on a vault.
with triples as (
    select distinct on (chain_id, address, triple_id)
           chain_id, address, triple_id, counter_term_id, subject_id, predicate_id, object_id
    from triples_created_history where not is_counter
    order by chain_id, address, triple_id, block_number desc, log_index desc
), vaults as (
    select t.*, v.curve_id, v.total_shares as shares, v.total_assets as assets,
           v.position_count as positions, v.market_cap as cap
    from triples t
    join vault v on v.chain_id = t.chain_id and v.address = t.address
                and v.term_id in (t.triple_id, t.counter_term_id)
), told as (
    select 'triple_vault' as name, chain_id, address, triple_id as a, counter_term_id as b,
           curve_id, sum(shares) as shares, sum(assets) as assets, sum(positions) as positions,
           sum(cap) as cap, null::bigint as triples
    from vaults group by 2, 3, 4, 5, 6
    union all
    select 'triple_term', chain_id, address, t.triple_id, t.counter_term_id, null, null,
           coalesce(sum(assets), 0), coalesce(sum(positions), 0), coalesce(sum(cap), 0), null
    from triples t join vaults v using (chain_id, address, triple_id) group by 2, 3, 4, 5
    union all
    select 'predicate_object', chain_id, address, t.predicate_id, t.object_id, null, null, null,
           coalesce(sum(positions), 0), coalesce(sum(cap), 0), count(distinct triple_id)
    from triples t left join vaults v using (chain_id, address, triple_id) group by 2, 3, 4, 5
    union all
    select 'subject_predicate', chain_id, address, t.subject_id, t.predicate_id, null, null, null,
           coalesce(sum(positions), 0), coalesce(sum(cap), 0), count(distinct triple_id)
    from triples t left join vaults v using (chain_id, address, triple_id) group by 2, 3, 4, 5
), kept as (
    select 'triple_vault' as name, chain_id, address, triple_id, counter_term_id, curve_id,
           total_shares, total_assets, position_count::numeric, market_cap, null::bigint
    from triple_vault
    union all
    select 'triple_term', chain_id, address, triple_id, counter_term_id, null, null, total_assets,
           total_position_count, total_market_cap, null
    from triple_term
    union all
    select 'predicate_object', chain_id, address, predicate_id, object_id, null, null, null,
           total_position_count, total_market_cap, triple_count
    from predicate_object
    union all
    select 'subject_predicate', chain_id, address, subject_id, predicate_id, null, null, null,
           total_position_count, total_market_cap, triple_count
    from subject_predicate
)
(select 'missing' as row, * from told except all select 'missing', * from kept)
union all
(select 'surplus', * from kept except all select 'surplus', * from told)
