-- claim: pgcrypto is installed and never used
-- says: extension created but never used|pgcrypto ; unused|never used
-- says: extension ; never used
-- like: The extension is there and never used
-- unlike: The extension is used
-- on: target
-- rows: TRUE HERE The target has {}, and no function, default or view calls it.
-- none: FALSE The target does not have it, or calls it.
select extname from pg_extension where extname = 'pgcrypto' and not exists (
  select from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  where n.nspname not in ('pg_catalog', 'information_schema')
    and p.prosrc ~* '(crypt|digest|hmac|gen_random_bytes|pgp_sym|pgp_pub|gen_salt) *\(');
