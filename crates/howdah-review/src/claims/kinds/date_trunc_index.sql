-- claim: date_trunc of a timestamptz can be indexed
-- code: create…index…(date_trunc(|create…index…, date_trunc(
-- like: create index i on t (user_id, date_trunc('month', at))
-- unlike: select date_trunc('month', at) from t
-- fails 42P17: FALSE It depends on the session's time zone: {}. With AT TIME ZONE 'UTC' it can be.
-- none: TRUE The server takes it.
create table usage (user_id int, at timestamptz);
create index i on usage (user_id, date_trunc('month', at));
