-- claim: an index on a column that each update changes speeds updates up
-- says: gain|faster|improve|% ; position update|updates
-- like: A gain of 300 % on position updates
-- unlike: Inserts are 3 % slower
-- rows: FALSE Of 100 updates {} were in place (HOT) without the index and none with it; each then writes every index.
-- none: NOT PROVABLE The server counted otherwise.
create table position (id int primary key, pnl numeric) with (fillfactor = 50);
insert into position select n, 0 from generate_series(1, 100) n;
create table counted (step text, hot bigint);
create function in_place() returns bigint language plpgsql as $$
declare before bigint := pg_stat_get_xact_tuples_hot_updated('position'::regclass);
begin
  update position set pnl = pnl + 1;
  return pg_stat_get_xact_tuples_hot_updated('position'::regclass) - before;
end $$;
insert into counted select 'without', in_place();
vacuum full position;
create index on position (pnl);
insert into counted select 'with', in_place();
select a.hot from counted a, counted b where a.step = 'without' and b.step = 'with'
  and a.hot > 0 and b.hot = 0;
