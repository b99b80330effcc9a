-- One vault ($1 term, $2 curve), its term, and the atom or the triple.
select v.*, t.type, t.total_assets as term_assets, t.total_market_cap as term_market_cap,
       a.label, a.data, s.subject_id, s.predicate_id, s.object_id
from vault v
join term t using (chain_id, address, term_id)
left join atom a using (chain_id, address, term_id)
left join sides s using (chain_id, address, term_id)
where v.chain_id = 1155 and v.address = '\x6e35cf57a41fa15ea0eae9c33e751b01a784fe7e'
      and v.term_id = $1 and v.curve_id = $2
