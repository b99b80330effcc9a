-- The tables that are there, and the file that each lies in; those of the catalog have numbers
-- below 16384.
select c.oid, c.relfilenode
from pg_catalog.pg_class c
where c.relkind in ('r', 'p', 'm')
  and c.relpersistence <> 't'
  and c.oid >= 16384::oid
