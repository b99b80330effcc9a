-- claim: columns of one name have different types
-- says: varchar length|inconsistent type|lengths ; standard|differ|inconsistent
-- like: VARCHAR lengths differ
-- unlike: VARCHAR is a type
-- on: target
-- rows: TRUE HERE {}.
-- none: FALSE Columns of one name have one type in the target.
select attname || ' is ' || string_agg(distinct format_type(atttypid, atttypmod), ' and ')
from pg_attribute a join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and a.attnum > 0 and not attisdropped
  and n.nspname not in ('pg_catalog', 'information_schema')
group by attname having count(distinct format_type(atttypid, atttypmod)) > 1
order by attname;
