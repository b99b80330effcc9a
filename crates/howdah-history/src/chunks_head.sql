-- Bound, schema, name, and whether it has no page but the first of each b-tree: what vacuum cut from
-- the heap leaves the indexes as they were.
select pg_get_expr(c.relpartbound, c.oid), n.nspname::text, c.relname::text,
       pg_relation_size(c.oid) = 0 and not exists (
           select from pg_catalog.pg_index x
           join pg_catalog.pg_class b on b.oid = x.indexrelid
           join pg_catalog.pg_am a on a.oid = b.relam and a.amname = 'btree'
           where x.indrelid = c.oid
             and pg_relation_size(b.oid) > current_setting('block_size')::bigint)
