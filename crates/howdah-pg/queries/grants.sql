-- Privileges on the database, schemas, relations, columns, functions and types, the defaults of
-- PostgreSQL (execute for everybody) included. What an owner has by owning is left out.
with acl as (
  select 'database' as target, d.oid, null::text as column_name, d.datdba as owner,
         coalesce(d.datacl, acldefault('d', d.datdba)) as items
  from pg_database d
  where d.datname = current_database()
  union all
  select 'schema', n.oid, null, n.nspowner, coalesce(n.nspacl, acldefault('n', n.nspowner))
  from pg_namespace n
  where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  union all
  select 'relation', c.oid, null, c.relowner, c.relacl
  from pg_class c
  where c.relacl is not null and c.relkind not in ('i', 'I', 't', 'c')
  union all
  select 'column', a.attrelid, a.attname, c.relowner, a.attacl
  from pg_attribute a
  join pg_class c on c.oid = a.attrelid
  where a.attacl is not null and a.attnum > 0 and not a.attisdropped
  union all
  select 'function', p.oid, null, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))
  from pg_proc p
  join pg_namespace n on n.oid = p.pronamespace
  where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  union all
  select 'type', t.oid, null, t.typowner, coalesce(t.typacl, acldefault('T', t.typowner))
  from pg_type t
  join pg_namespace n on n.oid = t.typnamespace
  left join pg_class c on c.oid = t.typrelid
  where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and (c.oid is null or c.relkind = 'c')
    and not exists (select from pg_type e where e.oid = t.typelem and e.typarray = t.oid)
)
select a.target, a.oid, a.column_name,
       case when x.grantee = 0 then 'public' else pg_get_userbyid(x.grantee)::text end as grantee,
       x.privilege_type as privilege, bool_or(x.is_grantable) as grantable
from acl a
cross join lateral aclexplode(a.items) x
where x.grantee <> a.owner
group by 1, 2, 3, 4, 5
