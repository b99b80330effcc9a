-- claim: many indexes slow down joins
-- says: ^joins|^queries|^query|^reads ; 10+ indexes|many indexes ; ms|slow|take
-- like: Joins over tables with many indexes take 50 ms
-- unlike: Inserts with many indexes are slow
-- rows: FALSE The plan with ten more indexes is the same, line by line; indexes cost writes, not joins.
-- none: TRUE HERE The planner chose another plan.
create table customer (id int primary key, name text, a int, b int, c int, d int, e int);
create table purchase (id int primary key, customer int references customer, amount numeric);
create index on purchase (customer);
insert into customer select n, n::text, n, n, n, n, n from generate_series(1, 2000) n;
insert into purchase select n, 1 + n % 2000, n from generate_series(1, 20000) n;
analyze customer, purchase;
create function plan() returns text language plpgsql as $$
declare line text; lines text := '';
begin
  for line in execute 'explain (costs off) select name, amount from customer c
    join purchase p on p.customer = c.id where c.id = 7'
  loop lines := lines || line || E'\n'; end loop;
  return lines;
end $$;
create table before as select plan() as lines;
create index on customer (name); create index on customer (a); create index on customer (b);
create index on customer (c); create index on customer (d); create index on customer (e);
create index on customer (a, b); create index on customer (c, d); create index on customer (d, e);
create index on customer (name, e);
analyze customer, purchase;
select lines from before where lines = plan();
