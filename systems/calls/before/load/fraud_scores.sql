-- params: event_time, subject_kind, subject_id, score, model_version
insert into compliance.fraud_scores (scored_at, subject_kind, subject_id, score, model)
values ($1::timestamptz, $2, $3, $4::numeric, $5)
