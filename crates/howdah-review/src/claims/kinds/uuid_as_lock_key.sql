-- claim: a uuid can be cast to the integer of an advisory lock
-- code: advisory_lock( ; id::int
-- says: uuid to int|uuid as an int
-- like: select pg_try_advisory_lock(bot_id::int)
-- unlike: select pg_try_advisory_lock(hashtextextended(bot_id::text, 0))
-- fails 42846: FALSE There is no such cast: {}.
-- rows: TRUE The cast works.
select pg_try_advisory_lock(gen_random_uuid()::int);
