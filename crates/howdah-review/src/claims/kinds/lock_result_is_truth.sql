-- claim: the rows of pg_try_advisory_lock tell whether the lock was got
-- code: pg_try_advisory_lock ; if (!acquired)|if (!locked)|if (!lock)
-- like: const acquired = await db.execute(sql`select pg_try_advisory_lock(1)`); if (!acquired) throw x
-- unlike: select pg_try_advisory_lock(1)
-- rows: FALSE The session that did not get the lock has a row too ({}); the answer is in the row, so the test never fires. A session lock besides does not hold under a pooler in transaction mode.
-- none: TRUE There is no row.
select pg_advisory_lock(7);
-- session b
create temp table answer as select pg_try_advisory_lock(7) as got;
select 'one row with ' || got from answer where not got;
