-- claim: SECURITY DEFINER functions can be led astray
-- says: security definer
-- like: SECURITY DEFINER functions need a look
-- unlike: SECURITY INVOKER is better
-- on: target
-- rows: TRUE HERE {} runs as its owner with the caller's search_path.
-- none: FALSE Each SECURITY DEFINER function of the target sets its search_path, or there is none.
select p.oid::regprocedure from pg_proc p join pg_namespace n on n.oid = p.pronamespace
where p.prosecdef and n.nspname not in ('pg_catalog', 'information_schema')
  and not exists (select from unnest(p.proconfig) s where s like 'search\_path=%');
