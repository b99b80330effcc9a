-- claim: a table can be made partitioned by LIKE … INCLUDING ALL
-- code: create…table…including all…partition by
-- like: create table p (like t including all) partition by range (at)
-- unlike: create table p (like t) partition by range (at)
-- fails 0A000: FALSE The primary key comes along, and lacks the partition key: {}.
-- none: TRUE The server takes it.
create table reading (id bigint primary key, at timestamptz not null);
create table reading_parted (like reading including all) partition by range (at);
