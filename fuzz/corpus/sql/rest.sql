\set x 1
begin; savepoint a; rollback to a; commit;
copy t (a, b) from stdin with (format csv);
1,';'
2,"x"
\.
copy (select 1) to program 'gzip > /tmp/x';
insert into a.b (c) values (E'\'', B'01', X'1F', $1) on conflict (c) do update set c = excluded.c;
update only t set a = b from c where t.d = c.d;
delete from t using u where t.a = u.a returning *;
with recursive r as (select 1 union all select a + 1 from r) select * from r, dblink('x', 'y') z;
grant select (a, b), insert on all tables in schema s to app, public with grant option;
set local lock_timeout to '3s'; reset all; discard all;
vacuum (full, analyze) t; cluster verbose t using i; reindex (concurrently) table t;
refresh materialized view concurrently v with no data; truncate a, only b restart identity cascade;
lock table a, b in access exclusive mode nowait;
create user mapping for public server s options (user 'a', password 'b');
create extension if not exists "uuid-ossp" with schema x; create publication p for all tables;
comment on column a.b.c is 'd'; drop index concurrently if exists a.b, c cascade;
select '{{1,2},{3,4}}'::int[], a[1:2], b -> 'c' #>> '{d}', ~e, @f, 1e10, .5, 'é🦀';
