-- For the operator: how far each stream is, and what is refused, and why.
select 'committed' as what, shard as name, events, dead_letters, updated_at as at
from howdah.positions
union all
select 'refused', code, count(*), null, max(refused_at) from howdah.dead_letters group by code
