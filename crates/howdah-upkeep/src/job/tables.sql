-- Tables of streams ($1) and of rollups ($2) that wait for a vacuum or an analyze longer than
-- autovacuum should let them: schema, name, whether to vacuum. The most needy first.
with own as (
    select i.inhrelid as relid
    from unnest($1::text[]) s (name)
    join pg_catalog.pg_inherits i on i.inhparent = to_regclass(s.name)
    union
    select to_regclass(r.name) from unnest($2::text[]) r (name)
    union
    select to_regclass(l.relation) from howdah.layouts l where l.stream = any ($1)
)
select n.nspname::text, c.relname::text, v.dead or v.new as vacuum
from own
join pg_catalog.pg_class c on c.oid = own.relid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_stat_all_tables t on t.relid = own.relid,
lateral (
    select t.n_dead_tup > 10000 and t.n_dead_tup > 0.4 * greatest(t.n_live_tup, 0) as dead,
           t.n_ins_since_vacuum > 100000 and t.n_ins_since_vacuum > 0.4 * t.n_live_tup
               and coalesce(greatest(t.last_vacuum, t.last_autovacuum), '-infinity')
                   < now() - interval '1 day' as new,
           t.n_mod_since_analyze > 10000 and t.n_mod_since_analyze > 0.3 * t.n_live_tup as moved
) v
where c.relkind = 'r' and (v.dead or v.new or v.moved)
order by v.dead desc, t.n_dead_tup + t.n_mod_since_analyze desc
limit 100
