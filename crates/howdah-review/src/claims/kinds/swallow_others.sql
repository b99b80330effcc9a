-- claim: catching OTHERS and returning makes a function robust
-- code: when others then raise warning ; return
-- code: when others then raise notice ; return
-- says: when others ; robust|resilien|handle
-- like: exception when others then raise warning 'x'; return;
-- unlike: exception when unique_violation then return;
-- rows: FALSE The failure (a division by zero) became an empty answer: {}.
-- fails 22012: TRUE The failure reaches the caller.
create function report() returns setof int language plpgsql as $$ begin
  return query select 1 / 0;
exception when others then
  raise warning 'failed: %', sqlerrm;
  return;
end $$;
select count(*) || ' rows and no error' from report();
