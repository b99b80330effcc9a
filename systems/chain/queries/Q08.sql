-- Activity of an account ($1): the last 50 deposits and redeems, as receiver or as sender.
select *
from (
    (select block_timestamp, block_number, log_index, kind, sender, account, term_id, assets, shares
     from stakes
     where account = $1 and chain_id = 1155
           and address = '\x6e35cf57a41fa15ea0eae9c33e751b01a784fe7e'
     order by day desc, block_timestamp desc, block_number desc, log_index desc limit 50)
    union all
    (select block_timestamp, block_number, log_index, kind, sender, account, term_id, assets, shares
     from stakes
     where sender = $1 and sender <> account and chain_id = 1155
           and address = '\x6e35cf57a41fa15ea0eae9c33e751b01a784fe7e'
     order by day desc, block_timestamp desc, block_number desc, log_index desc limit 50)
) both_roles
order by block_timestamp desc, block_number desc, log_index desc
limit 50
