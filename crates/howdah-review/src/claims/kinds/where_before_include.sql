-- claim: INCLUDE stands behind WHERE
-- code: create…index…) where…include (|create…index…null include (
-- like: create index i on t (a) where b is not null include (c)
-- unlike: create index i on t (a) where b is not null
-- fails 42601: FALSE It is a syntax error; INCLUDE comes before WHERE: {}.
-- none: TRUE The server takes it.
create table t (a int, b int, c int);
create index i on t (a) where b is not null include (c);
