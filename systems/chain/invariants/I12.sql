-- What a vault says of its term is what the term's creation says.
select v.chain_id, v.address, v.term_id, v.curve_id, v.vault_type, t.type, t.is_counter
from vault v
join term t using (chain_id, address, term_id)
where t.type <> 'Unknown'
      and v.vault_type::text <> case when t.type = 'Atom' then 'Atom'
                                     when t.is_counter then 'CounterTriple'
                                     else 'Triple' end
