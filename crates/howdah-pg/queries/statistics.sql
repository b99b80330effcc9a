-- Sizes and counters of tables, materialized views and indexes. Sizes are of the main fork; a
-- relation that another session locks exclusively makes this wait, as far as lock_timeout allows.
select c.oid, c.relkind in ('i', 'I') as is_index,
       c.reltuples::float8 as estimated_rows,
       coalesce(pg_relation_size(c.oid), 0) as bytes,
       case when c.reltoastrelid <> 0
            then coalesce(pg_total_relation_size(c.reltoastrelid), 0) else 0 end as toast_bytes,
       pg_stat_get_live_tuples(c.oid) as live_rows,
       pg_stat_get_dead_tuples(c.oid) as dead_rows,
       pg_stat_get_numscans(c.oid) as scans,
       pg_stat_get_tuples_inserted(c.oid) as inserted,
       pg_stat_get_tuples_updated(c.oid) as updated,
       pg_stat_get_tuples_hot_updated(c.oid) as hot_updated,
       pg_stat_get_tuples_deleted(c.oid) as deleted,
       case when c.relfrozenxid::text <> '0' then age(c.relfrozenxid)::int8 else 0 end as xid_age
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and c.relkind in ('r', 'm', 'p', 'i', 'I')
