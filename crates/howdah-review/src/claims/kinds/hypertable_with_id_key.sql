-- claim: a table whose key is an id becomes a hypertable
-- code: create_hypertable(
-- like: select create_hypertable('trades', 'timestamp')
-- unlike: select add_retention_policy('trades', interval '1 year')
-- needs: timescaledb
-- as: superuser
-- fails TS103: FALSE A unique index has to have the time: {}.
-- none: TRUE It works.
-- rows: TRUE It works.
create extension timescaledb;
create table trade (id bigint primary key, at timestamptz not null);
select create_hypertable('trade', 'at');
