-- The partitions of $1: bound, name, whether COPY may go straight into it, and the columns that it
-- fills in otherwise than the stream does (defaults, identity, generated columns).
select pg_get_expr(c.relpartbound, c.oid),
       n.nspname,
       c.relname,
       c.relkind = 'r'
           and has_schema_privilege(n.oid, 'usage')
           and has_table_privilege(c.oid, 'insert')
           and not row_security_active(c.oid)
           -- Statement triggers and rules of the stream would not fire, and one before each row
           -- would not be asked about repeated rows.
           and not exists (select from pg_catalog.pg_trigger t
                           where t.tgrelid = i.inhparent and not t.tgisinternal
                             and (t.tgtype & 1 = 0 or t.tgtype & 2 <> 0) and t.tgenabled <> 'D')
           and not exists (select from pg_catalog.pg_rewrite r where r.ev_class = i.inhparent),
       array(
           select a.attname::text
           from pg_catalog.pg_attribute a
           left join pg_catalog.pg_attribute b
                  on b.attrelid = c.oid and b.attname = a.attname and not b.attisdropped
           left join pg_catalog.pg_attrdef d on (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
           left join pg_catalog.pg_attrdef e on (e.adrelid, e.adnum) = (b.attrelid, b.attnum)
           where a.attrelid = i.inhparent and a.attnum > 0 and not a.attisdropped
             and (a.attidentity <> '' or b.attidentity <> ''
                  or a.attgenerated is distinct from b.attgenerated
                  or pg_get_expr(d.adbin, d.adrelid) is distinct from pg_get_expr(e.adbin, e.adrelid))
       )
from pg_catalog.pg_inherits i
join pg_catalog.pg_class c on c.oid = i.inhrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where i.inhparent = to_regclass($1) and not i.inhdetachpending
