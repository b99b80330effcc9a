-- The page of a triple ($1): both sides on each curve, their sums, the parts with labels.
select c.curve_id, c.total_shares, c.total_assets, c.position_count, c.market_cap,
       pro.market_cap as cap_for, against.market_cap as cap_against,
       sums.total_market_cap, sums.total_position_count,
       subject.label as subject, predicate.label as predicate, object.label as object
from triple t
join triple_vault c
     on c.chain_id = t.chain_id and c.address = t.address and c.triple_id = t.term_id
join triple_term sums
     on sums.chain_id = t.chain_id and sums.address = t.address and sums.triple_id = t.term_id
left join vault_prices pro
     on pro.chain_id = t.chain_id and pro.address = t.address and pro.term_id = t.term_id
        and pro.curve_id = c.curve_id
left join vault_prices against
     on against.chain_id = t.chain_id and against.address = t.address
        and against.term_id = t.counter_term_id and against.curve_id = c.curve_id
left join atom_labels subject
     on subject.chain_id = t.chain_id and subject.address = t.address
        and subject.term_id = t.subject_id
left join atom_labels predicate
     on predicate.chain_id = t.chain_id and predicate.address = t.address
        and predicate.term_id = t.predicate_id
left join atom_labels object
     on object.chain_id = t.chain_id and object.address = t.address
        and object.term_id = t.object_id
where t.chain_id = 1155 and t.address = '\x6e35cf57a41fa15ea0eae9c33e751b01a784fe7e'
      and t.term_id = $1
