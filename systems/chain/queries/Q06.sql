-- What is said with a predicate ($1): the objects with the most behind them. subject_predicate
-- answers the same for subjects.
select object_id, triple_count, total_position_count, total_market_cap
from predicate_object
where chain_id = 1155 and address = '\x6e35cf57a41fa15ea0eae9c33e751b01a784fe7e'
      and predicate_id = $1
order by total_market_cap desc
limit 50
