-- claim: an index on (key, time) has the wrong order for "one key, a range of time"
-- says: wrong ; order|column order
-- code: -- wrong column order for time
-- like: The columns are in the wrong order for a time series
-- unlike: The wrong table is read
-- rows: FALSE With both orders there, the planner takes {}: equality first, then the range.
-- none: NOT PROVABLE The planner chose the other one.
create table reading (equipment int, at timestamptz, value float8);
insert into reading select n % 50, '2024-01-01'::timestamptz + n * interval '1 minute', n
  from generate_series(1, 50000) n;
create index time_then_key on reading (at desc, equipment);
create index key_then_time on reading (equipment, at desc);
analyze reading;
create function plan() returns setof text language plpgsql as $$ begin
  return query execute 'explain (costs off) select * from reading where equipment = 7
    and at >= ''2024-01-10'' and at < ''2024-01-20''';
end $$;
select 'key_then_time' from plan() line where line like '%key_then_time%';
