-- claim: two keys with the same advisory lock corrupt data
-- says: corrupt|race ; collision|hash
-- under: lock|hash|collision
-- like: Advisory locks // A collision of the hash corrupts data
-- unlike: Advisory locks // A collision makes writers wait
-- rows: FALSE Two keys with one hash exclude each other ({}): a collision locks too much, never too little.
-- none: TRUE Both got the lock.
begin;
select pg_advisory_xact_lock(42);
-- session b
create temp table got as select pg_try_advisory_xact_lock(42) as lock;
select 'the second got ' || lock from got where not lock;
