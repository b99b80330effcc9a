-- Stream tables ($1) with their chunks, from the catalog and the statistics: no stream is read.
select t.name,
       count(c.oid) filter (where c.relkind = 'r'),
       coalesce(sum(greatest(c.reltuples::bigint, pg_stat_get_live_tuples(c.oid), 0))
           filter (where c.relkind = 'r'), 0)::bigint,
       coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint,
       min(substring(b.bound from $$from \('([^']+)'\)$$)),
       max(substring(b.bound from $$to \('([^']+)'\)$$))
from unnest($1::text[]) as t (name)
left join lateral pg_partition_tree(to_regclass(t.name)) p on true
left join pg_catalog.pg_class c on c.oid = p.relid
left join lateral (
    select lower(pg_get_expr(c.relpartbound, c.oid)) as bound
    where c.relpartbound is not null and c.relkind = 'r'
) b on true
group by t.name
