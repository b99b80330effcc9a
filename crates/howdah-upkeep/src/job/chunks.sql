-- The bounds of a stream's ($1) partitions; a row of null for one that has none. No row: it is not
-- partitioned.
select pg_get_expr(c.relpartbound, c.oid)
from pg_catalog.pg_partitioned_table p
left join pg_catalog.pg_inherits i on i.inhparent = p.partrelid
left join pg_catalog.pg_class c on c.oid = i.inhrelid
where p.partrelid = to_regclass($1)
