-- The bounds of the partitions of $1.
select pg_get_expr(c.relpartbound, c.oid)
from pg_catalog.pg_inherits i
join pg_catalog.pg_class c on c.oid = i.inhrelid
where i.inhparent = to_regclass($1) and not i.inhdetachpending
