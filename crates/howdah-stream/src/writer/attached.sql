-- How many of the tables named $2 are partitions of $1 now.
select count(*)
from pg_catalog.pg_inherits
where inhparent = to_regclass($1)
  and inhrelid = any (select to_regclass(name) from unnest($2::text[]) t (name))
  and not inhdetachpending
