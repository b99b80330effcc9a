-- Columns of tables and views in their order; those of sequences are always the same and left out.
-- The relations of the schema $1, if it is given, are left out.
select a.attrelid as relation, a.attnum as number, a.attname::text as name,
       format_type(a.atttypid, a.atttypmod) as type_name,
       t.typname::text as type_base, tn.nspname::text as type_schema,
       a.attnotnull as not_null,
       pg_get_expr(d.adbin, d.adrelid) as default_expression,
       a.attgenerated::text as generated, a.attidentity::text as identity,
       cn.nspname::text as collation_schema, co.collname::text as collation_name,
       a.attstorage::text as storage, a.attcompression::text as compression,
       b.description as comment
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_type t on t.oid = a.atttypid
join pg_namespace tn on tn.oid = t.typnamespace
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
left join pg_collation co on co.oid = a.attcollation and a.attcollation <> t.typcollation
left join pg_namespace cn on cn.oid = co.collnamespace
left join pg_description b
  on b.classoid = 'pg_class'::regclass and b.objoid = a.attrelid and b.objsubid = a.attnum
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and n.nspname is distinct from $1
  and c.relkind not in ('i', 'I', 't', 'c', 'S')
  and a.attnum > 0 and not a.attisdropped
order by a.attrelid, a.attnum
