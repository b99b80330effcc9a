-- claim: columns that name another table have no foreign key
-- says: missing ; referential integrity|no foreign key
-- like: Missing referential integrity in places
-- unlike: Referential integrity is kept
-- on: target
-- rows: TRUE HERE {}.
-- none: FALSE Every column named …_id has a foreign key or is a key itself.
select c.relname || '.' || a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and not c.relispartition and a.attnum > 0 and not attisdropped
  and n.nspname not in ('pg_catalog', 'information_schema') and a.attname like '%\_id'
  and not exists (select from pg_constraint k where k.conrelid = c.oid
                  and k.contype in ('f', 'p') and a.attnum = any (k.conkey))
order by 1;
