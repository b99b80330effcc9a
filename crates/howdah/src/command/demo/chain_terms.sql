select left(hex0x(t.term_id), 14) || '…' as term, t.type,
       round(t.total_market_cap / 1e18, 3) as market_cap, t.position_count as holders,
       coalesce(left(a.data, 24), '') as data
from (select * from term order by total_market_cap desc limit 5) t
left join atom a using (chain_id, address, term_id)
order by t.total_market_cap desc
