-- claim: a GIN index serves comparisons by ->>
-- code: create…index…using gin (metrics)|create…index…using gin (properties)|create…index…using gin (attributes
-- says: gin ; ->>|strategy comparison
-- like: create index i on t using gin (metrics)
-- unlike: create index i on t using brin (at)
-- rows: FALSE A comparison by ->> reads the whole table with the index there ({}); only @>, ? and @@ use it.
-- none: TRUE The index was used.
create table result (id int, metrics jsonb);
insert into result select n, jsonb_build_object('rate', n % 1000, 'k', n)
  from generate_series(1, 20000) n;
create index result_metrics on result using gin (metrics);
analyze result;
create function plan(query text) returns setof text language plpgsql as $$ begin
  return query execute 'explain (costs off) ' || query;
end $$;
select line from plan($q$select * from result where metrics->>'k' = '77'$q$) line
where line like '%Seq Scan%'
  and exists (select from plan($q$select * from result where metrics @> '{"k": 77}'$q$) l
              where l like '%result_metrics%');
