-- Who owns a shard, whether his lease still runs, and whether his session is still there.
-- backend_start of another role's session is hidden; its pid then has to do.
select p.owner, p.epoch, p.owner_pid, p.owner_start,
       coalesce(p.lease_until > clock_timestamp(), false) as live,
       exists (select from pg_catalog.pg_stat_activity a where a.pid = p.owner_pid
               and coalesce(a.backend_start, p.owner_start) = p.owner_start) as present,
       greatest(extract(epoch from p.lease_until - clock_timestamp()), 0)::float8 as seconds_left,
       p.lease_until
from howdah.positions p
where p.source = $1 and p.shard = $2
