-- claim: one PostgreSQL cannot write more than some ten thousand rows a second
-- says: ceiling|limit|at most|maximum ; 10k|10,000|ten thousand ; write|insert|row
-- says: 1k tps|1,000 tps|1000 tps
-- says: high-scale|high scale ; 1m+ records/day|million records a day|million rows a day
-- like: At most 10,000 writes per second are possible
-- like: It will reach 1K TPS
-- like: A million rows a day is high scale
-- unlike: It wrote 8,000 rows a second in our test
-- rows: FALSE Here {} rows a second were written in transactions of 100 rows, on one connection. The scratch server does not wait for the disk, so this is the work of the database alone.
-- none: NOT PROVABLE This machine did not write more now.
create table event (id bigint generated always as identity primary key, at timestamptz, key int,
  value float8);
create table clock (began timestamptz, ended timestamptz);
insert into clock values (clock_timestamp(), null);
-- session a
do $$ begin
  for batch in 1 .. 1000 loop
    insert into event (at, key, value) select now(), n, n from generate_series(1, 100) n;
    commit;
  end loop;
end $$;
-- session a
update clock set ended = clock_timestamp();
select round(100000 / extract(epoch from ended - began)) from clock
  where 100000 / extract(epoch from ended - began) > 10000;
