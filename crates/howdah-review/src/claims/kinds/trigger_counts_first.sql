-- claim: INSERT … ON CONFLICT DO UPDATE in a trigger on INSERT keeps statistics right
-- code: create trigger…after insert on…when (new.status = 'filled')
-- code: on conflict ; do update set ; total_trades + 1
-- like: create trigger t after insert on orders for each row when (new.status = 'filled') execute function f()
-- unlike: create trigger t after insert or update on orders for each row execute function f()
-- rows: FALSE The first is counted as 0, and what is filled later is missed: {}.
-- none: TRUE The counts agree.
create table stats (user_id int primary key, trades int default 0);
create table orders (id int primary key, user_id int, status text);
create function count_it() returns trigger language plpgsql as $$ begin
  insert into stats (user_id) values (new.user_id)
  on conflict (user_id) do update set trades = stats.trades + 1;
  return new;
end $$;
create trigger count_it after insert on orders for each row when (new.status = 'filled')
  execute function count_it();
insert into orders values (1, 1, 'filled'), (2, 1, 'filled'), (3, 1, 'filled'), (4, 1, 'pending');
update orders set status = 'filled' where id = 4;
select count(*) || ' are filled, the trigger counts ' || max(trades)
from orders, stats where status = 'filled' having count(*) <> max(trades);
