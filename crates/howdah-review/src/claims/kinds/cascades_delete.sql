-- claim: deleting a row deletes others with it
-- says: cascade delete|delete cascade|cascading delete
-- like: Cascade deletes lose data
-- unlike: The cascade of events
-- on: target
-- rows: TRUE HERE {}.
-- none: FALSE No foreign key of the target cascades.
select conrelid::regclass || ' goes with ' || confrelid::regclass from pg_constraint
where contype = 'f' and confdeltype = 'c' order by 1;
