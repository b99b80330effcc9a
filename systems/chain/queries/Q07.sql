-- Triples about a subject ($1) with what is behind them, 50 after the triple $2.
select t.triple_id, t.predicate_id, t.object_id, s.total_market_cap, s.total_position_count
from sides t
left join triple_term s
     on s.chain_id = t.chain_id and s.address = t.address and s.triple_id = t.triple_id
        and s.counter_term_id = t.counter_term_id
where t.subject_id = $1 and t.triple_id > $2 and not t.is_counter
      and t.chain_id = 1155 and t.address = '\x6e35cf57a41fa15ea0eae9c33e751b01a784fe7e'
order by t.triple_id
limit 50
