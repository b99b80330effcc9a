-- claim: tables have ten or more indexes
-- says: 10+ indexes|excessive index|too many index|redundant index
-- like: More than 10+ indexes for a table
-- unlike: There are no indexes
-- on: target
-- rows: TRUE HERE {} indexes.
-- none: FALSE No table of the target has ten.
select c.relname || ' has ' || count(*) from pg_index i join pg_class c on c.oid = i.indrelid
join pg_namespace n on n.oid = c.relnamespace
where n.nspname not in ('pg_catalog', 'pg_toast') group by c.oid, c.relname
having count(*) >= 10 order by 1;
