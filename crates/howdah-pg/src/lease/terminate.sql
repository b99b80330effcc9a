-- Ends the session of a former owner and waits until it is gone, at most $3 ms. Nothing happens to
-- a session that got the same pid later.
select pg_terminate_backend(a.pid, $3)
from pg_catalog.pg_stat_activity a
where a.pid = $1 and coalesce(a.backend_start, $2) = $2 and a.pid <> pg_backend_pid()
