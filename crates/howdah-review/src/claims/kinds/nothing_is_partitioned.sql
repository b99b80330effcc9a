-- claim: large tables are not partitioned
-- says: no table partition|no partition|not partitioned|missing table partition|without partition
-- like: No table partitioning
-- unlike: The partition is full
-- on: target
-- rows: NOT PROVABLE The target has partitioned tables ({}); which one the sentence means is not decided.
-- none: TRUE HERE The target has no partitioned table.
select c.oid::regclass from pg_class c where c.relkind = 'p';
