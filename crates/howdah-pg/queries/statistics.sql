-- Sizes and counters of tables, materialized views and indexes. Sizes are of the main fork; a
-- relation that another session locks exclusively makes this wait, as far as lock_timeout allows.
-- Asking for a size opens the relation, which is most of what this costs. What belongs to a table
-- without a page is as large as was written down when it was made, or when vacuum emptied the table.
with tables as materialized (
  select c.oid, c.reltoastrelid as toast,
         case when c.relkind = 'p' then 0 else coalesce(pg_relation_size(c.oid), 0) end as bytes
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relkind in ('r', 'm', 'p')
), sizes as (
  select t.oid, t.bytes,
         case when t.toast = 0 then 0
              when t.bytes = 0 then x.relpages * current_setting('block_size')::int8
              else coalesce(pg_total_relation_size(t.toast), 0) end as toast_bytes
  from tables t
  left join pg_class x on x.oid = t.toast and t.toast <> 0
  union all
  select i.indexrelid,
         case when x.relkind = 'I' then 0
              when t.bytes = 0 then x.relpages * current_setting('block_size')::int8
              else coalesce(pg_relation_size(i.indexrelid), 0) end,
         0
  from tables t
  join pg_index i on i.indrelid = t.oid
  join pg_class x on x.oid = i.indexrelid
)
select c.oid, c.relkind in ('i', 'I') as is_index,
       c.reltuples::float8 as estimated_rows,
       s.bytes, s.toast_bytes,
       pg_stat_get_live_tuples(c.oid) as live_rows,
       pg_stat_get_dead_tuples(c.oid) as dead_rows,
       pg_stat_get_numscans(c.oid) as scans,
       pg_stat_get_tuples_inserted(c.oid) as inserted,
       pg_stat_get_tuples_updated(c.oid) as updated,
       pg_stat_get_tuples_hot_updated(c.oid) as hot_updated,
       pg_stat_get_tuples_deleted(c.oid) as deleted,
       case when c.relfrozenxid::text <> '0' then age(c.relfrozenxid)::int8 else 0 end as xid_age
from sizes s
join pg_class c on c.oid = s.oid
