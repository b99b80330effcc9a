-- What hangs on the table $1 by its identity rather than by its name:
-- kind, schema, name, and the view's query or the sequence's column.
select 'view' as kind, n.nspname::text, v.relname::text, pg_get_viewdef(v.oid)
from pg_catalog.pg_class v
join pg_catalog.pg_namespace n on n.oid = v.relnamespace
where v.relkind = 'v'
  and v.oid in (
      select r.ev_class
      from pg_catalog.pg_rewrite r
      join pg_catalog.pg_depend d
        on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = r.oid
      where d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = to_regclass($1)
        and r.ev_class <> to_regclass($1))
union all
select 'materialized view', n.nspname::text, v.relname::text, null
from pg_catalog.pg_class v
join pg_catalog.pg_namespace n on n.oid = v.relnamespace
where v.relkind = 'm'
  and v.oid in (
      select r.ev_class
      from pg_catalog.pg_rewrite r
      join pg_catalog.pg_depend d
        on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = r.oid
      where d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = to_regclass($1))
union all
select 'foreign key', n.nspname::text, t.relname::text, null
from pg_catalog.pg_constraint c
join pg_catalog.pg_class t on t.oid = c.conrelid
join pg_catalog.pg_namespace n on n.oid = t.relnamespace
where c.contype = 'f' and c.confrelid = to_regclass($1) and c.conrelid <> c.confrelid
union all
select 'function', n.nspname::text, p.proname::text, null
from pg_catalog.pg_depend d
join pg_catalog.pg_proc p on p.oid = d.objid
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where d.classid = 'pg_catalog.pg_proc'::regclass
  and (d.refclassid, d.refobjid) in (
      ('pg_catalog.pg_class'::regclass, to_regclass($1)),
      ('pg_catalog.pg_type'::regclass,
       (select reltype from pg_catalog.pg_class where oid = to_regclass($1))))
union all
select 'sequence', n.nspname::text, s.relname::text, a.attname::text
from pg_catalog.pg_depend d
join pg_catalog.pg_class s on s.oid = d.objid and s.relkind = 'S'
join pg_catalog.pg_namespace n on n.oid = s.relnamespace
join pg_catalog.pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
where d.classid = 'pg_catalog.pg_class'::regclass and d.refobjid = to_regclass($1)
  and d.deptype in ('a', 'i')
union all
select 'policy', null, p.polname::text || ' on ' || p.polrelid::regclass, null
from pg_catalog.pg_policy p
join pg_catalog.pg_depend d
  on d.classid = 'pg_catalog.pg_policy'::regclass and d.objid = p.oid
where d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = to_regclass($1)
  and p.polrelid <> to_regclass($1)
union all
select 'rule', null, r.rulename::text, null
from pg_catalog.pg_rewrite r
where r.ev_class = to_regclass($1)
union all
select 'publication', null, p.pubname::text, null
from pg_catalog.pg_publication_rel r
join pg_catalog.pg_publication p on p.oid = r.prpubid
where r.prrelid = to_regclass($1)
union all
select 'column', n.nspname::text, c.relname || '.' || a.attname, null
from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p', 'm', 'f', 'c')
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_type t on t.oid = a.atttypid
where not a.attisdropped
  and to_regclass($1) in (t.typrelid, (select e.typrelid from pg_catalog.pg_type e where e.oid = t.typelem))
