-- claim: columns with a range have no constraint
-- says: domain-specific constraint|domain constraint|validation ; constraint|altitude range
-- unless: config
-- like: Missing some domain constraints
-- unlike: The constraint fails
-- on: target
-- rows: TRUE HERE No CHECK names {}.
-- none: FALSE Every measure of the target has a CHECK.
select c.relname || '.' || a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and a.attnum > 0 and not attisdropped
  and n.nspname not in ('pg_catalog', 'information_schema')
  and a.atttypid in ('numeric'::regtype, 'float8'::regtype, 'float4'::regtype)
  and not exists (select from pg_constraint k where k.conrelid = c.oid and k.contype = 'c'
                  and a.attnum = any (k.conkey))
order by 1;
