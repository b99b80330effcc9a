-- params: event_time, call_id, outcome_no, buyer_id, converted, revenue, disposition
insert into core.outcomes
    (event_time, call_id, outcome_no, buyer_id, converted, revenue, disposition)
values ($1::timestamptz, $2::uuid, $3::integer, $4::uuid, $5::boolean, $6::numeric, $7)
on conflict (call_id, outcome_no) do nothing
