-- Which part of which partitioned table a partition holds. Those of the schema $1, if it is given,
-- are left out.
select c.oid as relation, i.inhparent as parent,
       pg_get_expr(c.relpartbound, c.oid) as bound,
       i.inhdetachpending as detach_pending
from pg_inherits i
join pg_class c on c.oid = i.inhrelid
join pg_class p on p.oid = i.inhparent
join pg_namespace n on n.oid = c.relnamespace
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and n.nspname is distinct from $1
  and p.relkind = 'p'
