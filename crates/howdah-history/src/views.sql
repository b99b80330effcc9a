-- The views of histories, by what howdah says of them.
select n.nspname::text, c.relname::text
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'v'
   and obj_description(c.oid, 'pg_class') like 'howdah: recent events and segments of %'
 order by 1, 2
