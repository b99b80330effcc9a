-- claim: query hints were left out
-- says: hints ; ^no|missing|lack
-- like: There are no query hints
-- unlike: The hints are good
-- rows: FALSE PostgreSQL has no hints: with and without one the plan is the same ({}).
-- none: TRUE HERE The plan changed.
create table t (id int primary key);
insert into t select generate_series(1, 1000);
analyze t;
create function plan(query text) returns text language plpgsql as $$
declare line text;
begin
  for line in execute 'explain (costs off) ' || query loop return line; end loop;
end $$;
select plan('select id from t where id = 7') where plan('select id from t where id = 7')
  = plan('/*+ SeqScan(t) */ select id from t where id = 7');
