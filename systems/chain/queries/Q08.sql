-- Activity of an account ($1): the last 50 deposits and redeems, as receiver or as sender. Its days
-- and terms are known, so a look is for one term on one day, whether its events are folded or not.
with days as (
    select min(day) as first
    from (select day from account_days
          where chain_id = 1155 and address = '\x6e35cf57a41fa15ea0eae9c33e751b01a784fe7e'
                and account = $1 and stakes > 0
          order by day desc limit 50) latest
), latest as (                  -- the last 50 events are of the 50 positions that changed last
    select term_id
    from positions
    where chain_id = 1155 and address = '\x6e35cf57a41fa15ea0eae9c33e751b01a784fe7e'
          and account = $1
    order by updated_at desc
    fetch first 50 rows with ties
), known as (
    select 'receiver' as role, t.day, t.term_id, t.stakes
    from days, account_term_days t
    where t.chain_id = 1155 and t.address = '\x6e35cf57a41fa15ea0eae9c33e751b01a784fe7e'
          and t.account = $1 and t.day >= days.first and t.stakes > 0
          and t.term_id in (select term_id from latest)
    union all
    (select 'sender', day, term_id, stakes from sender_days
     where chain_id = 1155 and address = '\x6e35cf57a41fa15ea0eae9c33e751b01a784fe7e'
           and sender = $1 and stakes > 0
     order by day desc fetch first 50 rows with ties)
), looks as (                    -- as many days as it takes to have 50 together
    select role, day, term_id, day::timestamp at time zone 'UTC' as midnight
    from (select *, sum(stakes) over (order by day desc range between unbounded preceding
                                      and current row exclude group) as newer from known) n
    where coalesce(newer, 0) < 50
)
select e.*
from looks l
cross join lateral (
    select block_timestamp, block_number, log_index, kind, sender, account, term_id, assets, shares
    from stakes_between(l.midnight, l.midnight + interval '24 hours') s
    where s.chain_id = 1155 and s.address = '\x6e35cf57a41fa15ea0eae9c33e751b01a784fe7e'
          and s.account = $1 and s.day = l.day and s.term_id = l.term_id
    offset 0) e
where l.role = 'receiver'
union all
select e.*
from looks l
cross join lateral (
    select block_timestamp, block_number, log_index, kind, sender, account, term_id, assets, shares
    from stakes_between(l.midnight, l.midnight + interval '24 hours') s
    where s.chain_id = 1155 and s.address = '\x6e35cf57a41fa15ea0eae9c33e751b01a784fe7e'
          and s.sender = $1 and s.sender <> s.account and s.day = l.day and s.term_id = l.term_id
    offset 0) e
where l.role = 'sender'
order by block_timestamp desc, block_number desc, log_index desc
limit 50
