-- User mappings of foreign servers whose password is kept in the database; the value is not read.
select m.srvname::text, m.usename::text
from pg_catalog.pg_user_mappings m
where exists (select from pg_catalog.unnest(m.umoptions) o where o like 'password=%')
order by 1, 2
