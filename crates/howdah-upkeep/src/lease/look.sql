-- Who does the upkeep, whether the lease still runs, and whether the owner's session is still there.
-- backend_start of another role's session is hidden; its pid then has to do.
select l.owner, l.epoch, l.owner_pid, l.owner_start,
       coalesce(l.lease_until > clock_timestamp(), false),
       exists (select from pg_catalog.pg_stat_activity a where a.pid = l.owner_pid
               and coalesce(a.backend_start, l.owner_start) = l.owner_start),
       greatest(extract(epoch from l.lease_until - clock_timestamp()), 0)::float8,
       l.lease_until
from howdah.upkeep_lease l
