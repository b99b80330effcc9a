-- Replication slots and prepared transactions that hold something back.
select 'slot', s.slot_name::text, s.active::text,
       coalesce(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), s.restart_lsn)::int8, 0), 0::int8
from pg_catalog.pg_replication_slots s
where not pg_catalog.pg_is_in_recovery()
union all
select 'prepared', p.gid, p.owner::text,
       extract(epoch from pg_catalog.now() - p.prepared)::int8,
       pg_catalog.age(p.transaction)::int8
from pg_catalog.pg_prepared_xacts p
where p.database = pg_catalog.current_database()
order by 1, 2
