-- Gives events that a node sent without their block's time the time of another event of the block,
-- where there is one by now. `howdah dead-letters replay` then applies them.
with waiting as (
    select id, convert_from(payload, 'UTF8')::jsonb as message
    from howdah.dead_letters
    where code = 'no_block_time'
), places as (
    select id, message, message #> '{event_data,0,transaction_information}' as place
    from waiting
), named as (
    select id, message, (place ->> 'chain_id')::bigint as chain_id,
           (place ->> 'block_number')::bigint as block_number,
           decode(regexp_replace(place ->> 'block_hash', '^0x', ''), 'hex') as block_hash
    from places
    where jsonb_typeof(place -> 'block_number') = 'number'
), known as (
    select chain_id, block_number, block_hash, block_timestamp from share_prices
    union all
    select chain_id, block_number, block_hash, block_timestamp from stakes
    union all
    select chain_id, block_number, block_hash, block_timestamp from atoms_created
    union all
    select chain_id, block_number, block_hash, block_timestamp from triples_created
), mended as (
    select id, convert_to(jsonb_set(
               message, '{event_data,0,transaction_information,block_timestamp}',
               to_jsonb('0x' || to_hex(extract(epoch from time)::bigint)))::text, 'UTF8') as payload
    from named n
    join lateral (select max(block_timestamp) as time
                  from known k
                  where k.chain_id = n.chain_id and k.block_number = n.block_number
                        and k.block_hash = n.block_hash) t on t.time is not null
)
update howdah.dead_letters l
set payload = m.payload, payload_bytes = length(m.payload)
from mended m
where l.id = m.id
