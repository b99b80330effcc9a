-- Types made by users: no array types, no row types of tables, no members of extensions.
select t.oid, n.nspname::text as schema, t.typname::text as name,
       pg_get_userbyid(t.typowner)::text as owner, t.typtype::text as kind,
       b.description as comment,
       array(select e.enumlabel::text from pg_enum e
             where e.enumtypid = t.oid order by e.enumsortorder) as labels,
       case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end as base_type,
       t.typnotnull as not_null, t.typdefault as default_expression,
       array(select k.conname::text from pg_constraint k
             where k.contypid = t.oid and k.contype = 'c' order by k.conname) as check_names,
       array(select pg_get_constraintdef(k.oid) from pg_constraint k
             where k.contypid = t.oid and k.contype = 'c' order by k.conname) as check_definitions,
       array(select a.attname::text from pg_attribute a
             where a.attrelid = t.typrelid and t.typrelid <> 0 and a.attnum > 0
               and not a.attisdropped order by a.attnum) as attribute_names,
       array(select format_type(a.atttypid, a.atttypmod) from pg_attribute a
             where a.attrelid = t.typrelid and t.typrelid <> 0 and a.attnum > 0
               and not a.attisdropped order by a.attnum) as attribute_types
from pg_type t
join pg_namespace n on n.oid = t.typnamespace
left join pg_class c on c.oid = t.typrelid
left join pg_description b
  on b.classoid = 'pg_type'::regclass and b.objoid = t.oid and b.objsubid = 0
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and (c.oid is null or c.relkind = 'c')
  and not exists (select from pg_type e where e.oid = t.typelem and e.typarray = t.oid)
  and not exists (select from pg_depend d
                  where d.classid = 'pg_type'::regclass and d.objid = t.oid and d.deptype = 'e')
