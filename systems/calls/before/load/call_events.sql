-- params: event_time, kind, call_id, call_sid, seq, seller_id, buyer_id, winning_bid_id, from_phone, to_phone, vertical, geo, connected_at, ended_at, duration_s
with event as (
    insert into core.call_events
        (event_time, event_type, call_id, call_sid, seq, seller_id, buyer_id, event_data)
    values ($1::timestamptz, $2, $3::uuid, $4, $5::integer, $6::uuid, $7::uuid,
            jsonb_strip_nulls(jsonb_build_object('winning_bid_id', $8, 'duration', $15)))
    on conflict (call_sid, seq, event_time) do nothing
    returning 1
)
insert into core.calls as c (id, call_sid, seller_id, buyer_id, winning_bid_id, from_number,
    to_number, status, vertical, geo, start_time, connected_time, end_time, duration)
select $3::uuid, $4, $6::uuid, $7::uuid, $8::uuid, $9, $10, $2, $11, $12, $1::timestamptz,
       $13::timestamptz, $14::timestamptz, $15::integer
from event
on conflict (id) do update set
    status = excluded.status, buyer_id = coalesce(excluded.buyer_id, c.buyer_id),
    winning_bid_id = coalesce(excluded.winning_bid_id, c.winning_bid_id),
    connected_time = coalesce(excluded.connected_time, c.connected_time),
    end_time = coalesce(excluded.end_time, c.end_time),
    duration = coalesce(excluded.duration, c.duration)
