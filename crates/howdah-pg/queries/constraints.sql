-- Constraints of relations. A foreign key to a partitioned table has internal rows for each
-- partition of the referenced table, children of a constraint on the same table: left out.
-- The relations of the schema $1, if it is given, are left out.
select k.conrelid as relation, k.conname::text as name, k.contype::text as kind,
       -- Each by its key: a join would read all attributes of the table for each constraint. An
       -- expression of an exclusion has none.
       array(select a.attname
             from unnest(k.conkey) with ordinality u(number, pos),
             lateral (select a.attname::text from pg_attribute a
                      where a.attrelid = k.conrelid and a.attnum = u.number offset 0) a
             order by u.pos) as columns,
       pg_get_constraintdef(k.oid) as definition,
       k.convalidated as validated, k.condeferrable as deferrable,
       k.coninhcount > 0 or k.conparentid <> 0 as inherited,
       fn.nspname::text as references_schema, fc.relname::text as references_name,
       array(select a.attname
             from unnest(k.confkey) with ordinality u(number, pos),
             lateral (select a.attname::text from pg_attribute a
                      where a.attrelid = k.confrelid and a.attnum = u.number offset 0) a
             order by u.pos) as referenced_columns,
       case when k.contype in ('p', 'u', 'x') then ic.relname::text end as index_name
from pg_constraint k
join pg_class c on c.oid = k.conrelid
join pg_namespace n on n.oid = c.relnamespace
left join pg_class fc on fc.oid = k.confrelid
left join pg_namespace fn on fn.oid = fc.relnamespace
left join pg_class ic on ic.oid = k.conindid
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and n.nspname is distinct from $1
  and not exists (select from pg_constraint p
                  where p.oid = k.conparentid and p.conrelid = k.conrelid)
order by k.conrelid, k.conname
