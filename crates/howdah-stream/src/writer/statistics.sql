-- Of the tables in $1 and their partitions those that are four times as large as when their
-- statistics were made, or have none.
select c.oid::regclass::text
from (
    select to_regclass(name)::oid as oid from unnest($1::text[]) as t (name)
    union
    select i.inhrelid
    from unnest($1::text[]) as t (name)
    join pg_catalog.pg_inherits i on i.inhparent = to_regclass(name)
) t
join pg_catalog.pg_class c on c.oid = t.oid
where c.relkind = 'r'
  and pg_relation_size(c.oid) / current_setting('block_size')::bigint
      > 4 * greatest(c.relpages, 4)
order by c.oid
