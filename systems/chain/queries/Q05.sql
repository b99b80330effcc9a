-- Holders of a vault ($1 term, $2 curve): the first 100 by shares, and how many there are.
select p.account, p.shares, h.position_count
from positions p
join vault_holders h using (chain_id, address, term_id, curve_id)
where p.chain_id = 1155 and p.address = '\x6e35cf57a41fa15ea0eae9c33e751b01a784fe7e'
      and p.term_id = $1 and p.curve_id = $2 and p.shares > 0
order by p.shares desc
limit 100
