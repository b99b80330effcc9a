-- The columns of a table: name, type without modifiers, the type of its arrays, the name of the
-- type in pg_catalog, whether it is itself an array, has none, or has no binary form, and
-- the type with modifiers.
select a.attname::text,
       format('%I.%I', n.nspname, t.typname),
       case when u.oid is not null then format('%I.%I', m.nspname, u.typname) end,
       case when n.nspname = 'pg_catalog' then t.typname::text end,
       t.typcategory = 'A' or u.oid is null or t.typsend = 0 or t.typreceive = 0,
       format_type(a.atttypid, a.atttypmod)
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_type t on t.oid = a.atttypid
  join pg_catalog.pg_namespace n on n.oid = t.typnamespace
  left join pg_catalog.pg_type u on u.oid = t.typarray
  left join pg_catalog.pg_namespace m on m.oid = u.typnamespace
 where a.attrelid = $1::text::regclass and a.attnum > 0 and not a.attisdropped
 order by a.attnum
