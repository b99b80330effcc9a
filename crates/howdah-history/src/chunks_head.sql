-- Bound, schema, name, and whether the heap has no page at all.
select pg_get_expr(c.relpartbound, c.oid), n.nspname::text, c.relname::text,
       pg_relation_size(c.oid) = 0
