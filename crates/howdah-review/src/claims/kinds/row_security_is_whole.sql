-- claim: row security is properly implemented
-- says: row level security|row-level security|^rls ; proper|correct|well|excellent
-- unless: without|^not|missing|improper
-- unlike: RLS is missing
-- unlike: RLS without proper implementation
-- like: RLS is properly implemented
-- on: target
-- rows: FALSE The owner of {} reads every row, or its tenant's column has no policy.
-- none: TRUE HERE Every table with a tenant's column has forced row security.
select c.relname || case when c.relrowsecurity then ' (not forced)' else ' (none)' end
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and not c.relispartition
  and n.nspname not in ('pg_catalog', 'information_schema')
  and (c.relrowsecurity and not c.relforcerowsecurity or not c.relrowsecurity and exists (
    select from pg_attribute a where a.attrelid = c.oid and a.attnum > 0
      and a.attname in ('org_id', 'tenant_id', 'organization_id', 'organisation_id', 'tenant')))
order by 1;
