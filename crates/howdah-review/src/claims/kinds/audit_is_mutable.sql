-- claim: the audit table can be changed and deleted from
-- says: audit ; not immutable|immutab|no protection|append-only|tamper
-- like: The audit table is not immutable
-- unlike: The audit table is large
-- on: target
-- rows: TRUE HERE Nothing keeps its owner from changing or deleting rows of {}.
-- none: FALSE Every audit table of the target refuses it, or there is none.
select c.oid::regclass from pg_class c where c.relkind in ('r', 'p') and c.relname ~ 'audit'
  and not c.relispartition and not exists (
    select from pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal and t.tgtype & 8 = 8);
