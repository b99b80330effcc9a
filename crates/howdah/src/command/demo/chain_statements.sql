select left(hex0x(predicate_id), 14) || '…' as predicate,
       left(hex0x(object_id), 14) || '…' as object, triple_count as triples,
       total_position_count as holders, round(total_market_cap / 1e18, 3) as market_cap
from predicate_object
order by total_market_cap desc
limit 5
