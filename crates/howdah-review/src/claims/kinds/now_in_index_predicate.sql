-- claim: an index can hold what is not expired now
-- code: create…index…where…> now()|create…index…where…> current_timestamp|create…index…where…< now()
-- like: create index i on s (token) where expires_at > now()
-- unlike: create index i on s (token, expires_at)
-- fails 42P17: FALSE What is in an index cannot change with the clock: {}.
-- none: TRUE The server takes it.
create table session (token text, expires_at timestamptz);
create index i on session (token) where expires_at > now();
