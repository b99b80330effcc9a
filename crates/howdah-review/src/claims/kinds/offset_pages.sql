-- claim: OFFSET makes pages cheap
-- code: .limit( ; .offset(
-- code: limit ; offset
-- like: return query.limit(size).offset(at)
-- unlike: return query.limit(size)
-- rows: FALSE For a page of 10 rows behind an offset of 9,000 the server reads {} rows; a condition on the last key reads 10.
-- none: TRUE It reads the page alone.
create table item (id int primary key);
insert into item select generate_series(1, 10000);
analyze item;
create function plan() returns setof text language plpgsql as $$ begin
  return query execute 'explain (analyze, costs off, timing off, summary off)
    select id from item order by id limit 10 offset 9000';
end $$;
select substring(line from 'rows=(\d+)') from plan() line
where line like '%Scan%' and substring(line from 'rows=(\d+)')::int > 1000;
