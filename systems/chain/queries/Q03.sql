-- The next 50 atoms by market cap, after the cap $1 and the term $2 of the last page's end.
select t.term_id, t.total_market_cap, t.total_assets, t.position_count
from term_totals t
where t.chain_id = 1155 and t.address = '\x6e35cf57a41fa15ea0eae9c33e751b01a784fe7e'
      and t.atoms > 0
      and t.total_market_cap <= $1 and (t.total_market_cap < $1 or t.term_id > $2)
order by t.total_market_cap desc, t.term_id
limit 50
