-- claim: refreshing a continuous aggregate every ten minutes is constant work
-- says: continuous aggregate ; frequent|constant
-- says: constant cpu
-- like: Continuous aggregates refresh too frequently
-- unlike: Continuous aggregates are refreshed daily
-- needs: timescaledb
-- as: superuser
-- rows: FALSE A refresh took {} ms; one in ten minutes is less than a thousandth of a core.
-- none: NOT PROVABLE A refresh took longer than 600 ms here.
create extension timescaledb;
create table reading (at timestamptz not null, v float8);
select create_hypertable('reading', 'at');
insert into reading select '2024-01-01'::timestamptz + n * interval '1 second', n
  from generate_series(1, 50000) n;
create materialized view hourly with (timescaledb.continuous) as
  select time_bucket('1 hour', at) as hour, avg(v) from reading group by 1 with no data;
-- session a
call refresh_continuous_aggregate('hourly', null, null);
-- session a
insert into reading select '2024-01-01'::timestamptz + n * interval '1 second', n
  from generate_series(1, 600) n;
create temp table began as select clock_timestamp() as at;
-- session a
call refresh_continuous_aggregate('hourly', null, null);
-- session a
select round(1000 * extract(epoch from clock_timestamp() - at)) from began
where clock_timestamp() - at < interval '600 ms';
