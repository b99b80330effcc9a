-- params: event_time, call_id, check, phone_hmac, outcome
insert into compliance.checks (checked_at, call_id, check_type, phone_hash, result)
values ($1::timestamptz, $2::uuid, $3, $4, $5)
