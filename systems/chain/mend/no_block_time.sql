-- Gives events that a node sent without their block's time the time of another event of the block,
-- where there is one by now. `howdah dead-letters replay` then applies them. A block is looked for
-- among recent events by their keys; only those that are not there are looked for in all of history.
with waiting as (
    select id, convert_from(payload, 'UTF8')::jsonb as message
    from howdah.dead_letters
    where code = 'no_block_time'
), places as (
    select id, message, message #> '{event_data,0,transaction_information}' as place
    from waiting
), named as materialized (
    select id, message, (place ->> 'chain_id')::bigint as chain_id,
           (place ->> 'block_number')::bigint as block_number,
           decode(regexp_replace(place ->> 'block_hash', '^0x', ''), 'hex') as block_hash
    from places
    where jsonb_typeof(place -> 'block_number') = 'number'
), recent as materialized (
    select n.id, t.time
    from named n
    cross join lateral (
        select max(block_timestamp) as time
        from (select chain_id, block_number, block_hash, block_timestamp from share_prices
              union all
              select chain_id, block_number, block_hash, block_timestamp from stakes
              union all
              select chain_id, block_number, block_hash, block_timestamp from atoms_created
              union all
              select chain_id, block_number, block_hash, block_timestamp from triples_created) k
        where k.chain_id = n.chain_id and k.block_number = n.block_number
              and k.block_hash = n.block_hash) t
), sought as materialized (
    select n.* from named n join recent r using (id) where r.time is null
), older as (
    select s.id, max(k.block_timestamp) as time
    from sought s
    join (select chain_id, block_number, block_hash, block_timestamp from share_prices_history
          union all
          select chain_id, block_number, block_hash, block_timestamp from stakes_history
          union all
          select chain_id, block_number, block_hash, block_timestamp from atoms_created_history
          union all
          select chain_id, block_number, block_hash, block_timestamp from triples_created_history) k
         using (chain_id, block_number, block_hash)
    group by s.id
), mended as (
    select n.id, convert_to(jsonb_set(
               n.message, '{event_data,0,transaction_information,block_timestamp}',
               to_jsonb('0x' || to_hex(extract(epoch from t.time)::bigint)))::text, 'UTF8')
               as payload
    from named n
    join (select id, time from recent where time is not null
          union all select id, time from older) t using (id)
)
update howdah.dead_letters l
set payload = m.payload, payload_bytes = length(m.payload)
from mended m
where l.id = m.id
