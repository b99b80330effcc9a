-- The checks that splinter documents, written anew from its documentation; its text is not used.
-- Where it asks for the roles of Supabase, "public" (everybody) is asked for here.
-- Left out are those that need Supabase itself (0002, 0012, 0019, 0021, 0025 to 0027) and the
-- estimate of bloat (0020).

-- check unindexed_foreign_keys
-- covered by foreign-key-without-index
select about, part from peer_foreign_key k
where not exists (select from pg_index i where i.indrelid = k.conrelid
  and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] = k.conkey);

-- check auth_rls_initplan
-- covered by policy-calls-function-per-row
select t.about, p.polname from pg_policy p join peer_table t on t.oid = p.polrelid
where concat(pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
    ~* '(current_setting|auth\.[a-z_]+)\('
  and concat(pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
    !~* 'select\s+(current_setting|auth\.[a-z_]+)\(';

-- check no_primary_key
-- covered by primary-key-missing
select about, null from peer_table t
where not exists (select from pg_constraint k where k.conrelid = t.oid and k.contype = 'p');

-- check unused_index
-- covered by index-unused, index-duplicate, index-prefix
select about, part from peer_index where idx_scan = 0 and not indisunique and not indisprimary;
-- answer: the table has no row yet, so no statement could have used it
select 'no row' where not exists (select from {about});

-- check multiple_permissive_policies
-- covered by policies-permissive-several
select t.about, null from pg_policy p join peer_table t on t.oid = p.polrelid,
  unnest(polroles) role, unnest(case polcmd when '*' then '{r,a,w,d}' else array[polcmd] end) command
where polpermissive and t.relrowsecurity
group by t.about, role, command having count(*) > 1;

-- check policy_exists_rls_disabled
-- covered by policy-without-row-security
select about, null from peer_table t
where not relrowsecurity and exists (select from pg_policy p where p.polrelid = t.oid);

-- check rls_enabled_no_policy
-- covered by row-security-without-policy
select about, null from peer_table t
where relrowsecurity and not exists (select from pg_policy p where p.polrelid = t.oid);

-- check duplicate_index
-- covered by index-duplicate
select about, string_agg(part, ',' order by part) from peer_index
where not indisunique and not indisprimary group by about, form having count(*) > 1;

-- check security_definer_view
-- covered by view-bypasses-row-security
select c.oid::regclass::text, null from pg_class c
where c.relkind = 'v' and c.relnamespace = 'public'::regnamespace
  and not coalesce(c.reloptions::text[] && '{security_invoker=true,security_invoker=on}', false)
  and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e');

-- check function_search_path_mutable
-- covered by security-definer-without-search-path, trigger-needs-search-path
select about, null from peer_function
where not exists (select from unnest(proconfig) set where set like 'search_path=%');
-- answer: it works with an empty search path, and with no more rights than its caller has
select 'works' where pg_temp.works_without_path('{about}');

-- check rls_disabled_in_public
-- covered by write-granted-to-everybody
select about, null from peer_table
where not relrowsecurity and relnamespace = 'public'::regnamespace
  and has_table_privilege('public', oid, 'select');

-- check extension_in_public
-- covered by extension-in-public
select 'extension ' || extname, null from pg_extension where extnamespace = 'public'::regnamespace;
-- answer: nobody but its owner may make objects in the schema
select 'closed' where not has_schema_privilege('public', 'public', 'create');

-- check rls_references_user_metadata
-- covered by policy-trusts-user-metadata
select t.about, p.polname from pg_policy p join peer_table t on t.oid = p.polrelid
where concat(pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
  ~* 'user_metadata';

-- check materialized_view_or_foreign_table_in_api
-- covered by materialized-view-shows-protected-rows
select oid::regclass::text, null from pg_class
where relkind in ('m', 'f') and relnamespace in (select oid from peer_namespace)
  and has_table_privilege('public', oid, 'select');

-- check unsupported_reg_types
-- covered by type-stops-upgrade
select about, part from peer_column
where type in ('regcollation', 'regconfig', 'regdictionary', 'regnamespace', 'regoper',
  'regoperator', 'regproc', 'regprocedure');

-- check extension_versions_outdated
-- covered by extension-version-behind
select 'extension ' || e.extname, null from pg_extension e
  join pg_available_extensions a on a.name = e.extname
where a.default_version <> e.extversion;

-- check sensitive_columns_exposed
-- covered by sensitive-column-for-everybody
select about, part from peer_column
where part ~* '(password|passwd|secret|ssn|card_number|cvv|api_key|private_key|token)'
  and has_column_privilege('public', oid, attnum, 'select');

-- check rls_policy_always_true
-- covered by policy-always-true
select t.about, p.polname from pg_policy p join peer_table t on t.oid = p.polrelid
where polpermissive and polcmd <> 'r' and (pg_get_expr(polqual, polrelid) = 'true'
  or pg_get_expr(polwithcheck, polrelid) = 'true');

-- check security_definer_function_executable
-- covered by security-definer-for-everybody
select about, null from peer_function
where prosecdef and has_function_privilege('public', oid, 'execute')
  and prorettype <> 'trigger'::regtype;
