-- Tables, views, sequences and whatever else is in pg_class, but indexes, TOAST and composite types
-- (they are told elsewhere), members of extensions and what is in the schema $1, if it is given.
select c.oid, n.nspname::text as schema, c.relname::text as name, c.relkind::text as kind,
       pg_get_userbyid(c.relowner)::text as owner,
       b.description as comment,
       c.relrowsecurity as row_security, c.relforcerowsecurity as force_row_security,
       c.relpersistence <> 'p' as unlogged,
       coalesce(c.reloptions, '{}') as options,
       am.amname::text as access_method,
       case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end as definition,
       c.relreplident::text as replica_identity,
       array(select i.inhparent
             from pg_inherits i
             join pg_class p on p.oid = i.inhparent
             where i.inhrelid = c.oid and p.relkind <> 'p'
             order by i.inhseqno) as inherits
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join pg_am am on am.oid = c.relam
left join pg_description b
  on b.classoid = 'pg_class'::regclass and b.objoid = c.oid and b.objsubid = 0
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and n.nspname is distinct from $1
  and c.relkind not in ('i', 'I', 't', 'c')
  and not exists (select from pg_depend d
                  where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
