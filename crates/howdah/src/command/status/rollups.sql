-- Rollup tables ($1) with their estimated rows, and whether they are ready.
select t.name,
       coalesce(greatest(c.reltuples::bigint, pg_stat_get_live_tuples(c.oid), 0), 0)::bigint,
       coalesce(pg_total_relation_size(c.oid), 0)::bigint,
       c.oid is not null,
       coalesce(r.ready, false),
       r.rebuilt_to::text
from unnest($1::text[], $2::text[]) with ordinality as t (name, plain, place)
left join pg_catalog.pg_class c on c.oid = to_regclass(t.name)
left join howdah.rollups r on r.relation in (t.name, t.plain)
order by t.place
