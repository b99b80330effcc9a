-- Stream tables ($1) with their chunks, from the catalog and the statistics: no stream is read, and
-- no chunk opened, of which there may be more than a transaction may lock and a session should load.
-- Only those that were written to since they were vacuumed and analyzed are asked for their size; the
-- others have as many pages as the catalog says.
with parts as (
    select t.name, c.oid, c.relkind = 'r' as is_chunk, c.reltoastrelid as toast,
           greatest(c.reltuples::bigint, pg_stat_get_live_tuples(c.oid), 0) as rows,
           pg_get_expr(c.relpartbound, c.oid) as bound,
           pg_stat_get_mod_since_analyze(c.oid) + pg_stat_get_ins_since_vacuum(c.oid)
               + coalesce(pg_stat_get_ins_since_vacuum(nullif(c.reltoastrelid, 0)), 0) > 0
               as changed
    from unnest($1::text[]) as t (name)
    cross join lateral (
        select to_regclass(t.name)::oid as oid
        union all
        select inhrelid from pg_catalog.pg_inherits where inhparent = to_regclass(t.name)
    ) p
    join pg_catalog.pg_class c on c.oid = p.oid
), heaps as (
    select name, oid from parts where not changed
    union all
    select name, toast from parts where not changed and toast <> 0
), settled as (
    select r.name, sum(c.relpages) * current_setting('block_size')::bigint as bytes
    from (
        select name, oid from heaps
        union all
        select h.name, x.indexrelid from heaps h join pg_catalog.pg_index x on x.indrelid = h.oid
    ) r
    join pg_catalog.pg_class c on c.oid = r.oid
    group by r.name
)
select t.name,
       count(*) filter (where p.is_chunk),
       coalesce(sum(p.rows) filter (where p.is_chunk), 0)::bigint,
       (coalesce(sum(pg_total_relation_size(p.oid)) filter (where p.changed), 0)
           + coalesce(min(s.bytes), 0))::bigint,
       min(split_part(p.bound, '''', 2)) filter (where p.bound like 'FOR VALUES FROM (''%'),
       max(split_part(split_part(p.bound, ' TO (''', 2), '''', 1))
           filter (where p.bound like '% TO (''%')
from unnest($1::text[]) as t (name)
left join parts p on p.name = t.name
left join settled s on s.name = t.name
group by t.name
