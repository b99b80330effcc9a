-- params: event_time, call_id, leg, sample_no, mos, packet_loss, jitter_ms
insert into core.call_quality (event_time, call_id, leg, sample_no, mos, packet_loss, jitter_ms)
values ($1::timestamptz, $2::uuid, $3::integer, $4::integer, $5::numeric, $6::numeric, $7::integer)
on conflict (call_id, leg, sample_no) do nothing
