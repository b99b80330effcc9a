-- claim: a chunk holds a week at least, whatever the rate
-- says: 1 week|one week ; minimum|at least ; chunk|interval|change
-- like: Fix: Change to INTERVAL '1 week' minimum
-- unlike: Partition by week
-- rows: FALSE A time is no size: {}.
-- none: NOT PROVABLE A week of events was smaller than memory is today, at any rate that was tried.
create table tick (instrument int not null, at timestamptz not null, price numeric(12, 4) not null);
create index on tick (instrument, at);
insert into tick select n % 500, '2024-01-01'::timestamptz + n * interval '1 ms', 100 + n % 1000 * 0.01
  from generate_series(1, 50000) n;
select 'at ' || rate || ' events a second the indexes alone of a week are '
    || round(pg_indexes_size('tick') / 50000.0 * rate * 604800 / 1073741824) || ' GB'
from unnest('{10000,100000}'::numeric[]) rate
where pg_indexes_size('tick') / 50000.0 * rate * 604800 / 1073741824 > 64
order by rate limit 1;
