-- claim: jsonb columns have no GIN index
-- says: jsonb|json ; without|^no ; gin|index
-- says: no gin index
-- like: JSONB without an index
-- unlike: JSONB is compact
-- on: target
-- rows: TRUE HERE {}. Whether one helps depends on the operator: it serves @>, ? and @@ alone.
-- none: FALSE Every jsonb column of the target has a GIN index, or there is none.
select c.relname || '.' || a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and not c.relispartition and a.atttypid = 'jsonb'::regtype
  and a.attnum > 0 and n.nspname not in ('pg_catalog', 'information_schema')
  and not exists (select from pg_index i join pg_class x on x.oid = i.indexrelid
    join pg_am m on m.oid = x.relam
    where i.indrelid = c.oid and m.amname = 'gin' and a.attnum = any (i.indkey))
order by 1;
