-- claim: a continuous aggregate can be made on a plain table
-- code: timescaledb.continuous
-- like: create materialized view m with (timescaledb.continuous) as select 1
-- unlike: create materialized view m as select 1
-- needs: timescaledb
-- as: superuser
-- fails 0A000: FALSE It needs a hypertable: {}.
-- none: TRUE It works.
create extension timescaledb;
create table trade (id bigint primary key, at timestamptz not null, v float8);
create materialized view daily with (timescaledb.continuous) as
  select time_bucket('1 day', at) as day, sum(v) from trade group by 1;
