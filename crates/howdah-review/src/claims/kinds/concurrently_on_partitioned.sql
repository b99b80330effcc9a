-- claim: after partitioning, indexes are made concurrently on the parent
-- code: create index concurrently|create unique index concurrently
-- also: partition by range (|partition by list (|partition by hash (
-- like: create index concurrently i on t (a)
-- unlike: create index i on t (a)
-- fails 0A000: FALSE Once the table is partitioned, as the same review asks, this fails: {}.
-- none: TRUE The server takes it.
create table reading (id bigint, at timestamptz) partition by range (at);
create index concurrently reading_at on reading (at);
