-- What every row of $1 must fulfil, as expressions.
select pg_get_expr(conbin, conrelid)
from pg_catalog.pg_constraint
where conrelid = to_regclass($1) and contype = 'c'
union all
select quote_ident(attname) || ' is not null'
from pg_catalog.pg_attribute
where attrelid = to_regclass($1) and attnum > 0 and attnotnull and not attisdropped
