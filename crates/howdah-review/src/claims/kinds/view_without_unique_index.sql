-- claim: a materialized view cannot be refreshed concurrently
-- says: no concurrent refresh|without proper refresh|without concurrently
-- like: There is no concurrent refresh
-- unlike: The refresh is concurrent
-- on: target
-- rows: TRUE HERE {} has no unique index, which CONCURRENTLY needs.
-- none: FALSE Every materialized view of the target has a unique index, or there is none.
select c.oid::regclass from pg_class c where c.relkind = 'm' and not exists (
  select from pg_index i where i.indrelid = c.oid and i.indisunique and i.indpred is null);
