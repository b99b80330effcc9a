-- claim: thousands of parts make a query slow that does not say which
-- says: thousands of chunks|thousands of partitions|too many chunks|too many partitions
-- like: Creates thousands of chunks, destroying query performance
-- unlike: There are two partitions
-- rows: TRUE A query without a time plans over each part: with 300 of them it took {} times as long as with 3.
-- none: FALSE It took no longer with 300 parts than with 3.
create table few (id int, at int not null) partition by range (at);
create table many (id int, at int not null) partition by range (at);
do $$ begin
  for n in 0..2 loop
    execute format('create table few_%s partition of few for values from (%s) to (%s)', n, n * 100, n * 100 + 100);
  end loop;
  for n in 0..299 loop
    execute format('create table many_%s partition of many for values from (%s) to (%s)', n, n, n + 1);
  end loop;
end $$;
create function took(query text) returns float8 language plpgsql as $$
declare best float8; began timestamptz;
begin
  for n in 1..5 loop
    began := clock_timestamp();
    execute 'explain ' || query;
    best := least(best, extract(epoch from clock_timestamp() - began));
  end loop;
  return best;
end $$;
select round(took('select from many where id = 1') / took('select from few where id = 1'))
from generate_series(1, 1)
where took('select from many where id = 1') > 3 * took('select from few where id = 1');
