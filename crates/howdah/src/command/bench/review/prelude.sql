-- What the checks of peers have in common. Names are as reports print them: a table of the schema
-- public is named without it, and everything else with it.
set search_path = public, pg_temp;
create temporary view peer_namespace as
  select oid, nspname from pg_namespace
  where nspname not like 'pg\_%' and nspname <> 'information_schema';
create temporary view peer_table as
  select c.oid, c.oid::regclass::text as about, c.relname, c.relnamespace, c.relkind,
    c.relrowsecurity, c.reltuples
  from pg_class c join peer_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p') and not c.relispartition
    and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e');
create temporary view peer_column as
  select t.oid, t.about, a.attname as part, a.attnum, a.attnotnull, a.atttypid, a.atttypmod,
    a.atttypid::regtype::text as type, pg_get_expr(d.adbin, d.adrelid) as filled,
    exists (select from pg_constraint k where k.conrelid = t.oid and k.contype = 'p'
              and a.attnum = any (k.conkey)) as is_key
  from peer_table t
    join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = t.oid and d.adnum = a.attnum;
create temporary view peer_index as
  select t.about, c.relname as part, i.*, s.idx_scan,
    (i.indkey::int2[])[0:i.indnkeyatts - 1] as keys,
    regexp_replace(pg_get_indexdef(i.indexrelid), '^CREATE (UNIQUE )?INDEX .* ON ', '') as form
  from pg_index i join peer_table t on t.oid = i.indrelid
    join pg_class c on c.oid = i.indexrelid
    left join pg_stat_user_indexes s on s.indexrelid = i.indexrelid;
create temporary view peer_foreign_key as
  select t.about, k.conname as part, k.* from pg_constraint k join peer_table t on t.oid = k.conrelid
  where k.contype = 'f' and k.conparentid = 0;
create temporary view peer_function as
  select p.oid, p.oid::regproc::text as about, p.proname, p.prosecdef, p.proconfig, p.prorettype
  from pg_proc p join peer_namespace n on n.oid = p.pronamespace
  where not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e');
create function pg_temp.plan_of(query text) returns setof text language plpgsql as $$
begin
  return query execute 'explain ' || query;
end $$;
-- Whether a function that runs with its caller's rights finds all that it names when the caller's
-- search path is empty: a trigger function fires for a row of a copy, a function of the language
-- SQL is checked anew, any other is called.
create function pg_temp.works_without_path(name text) returns boolean language plpgsql
set search_path = '' as $$
declare
  it pg_catalog.pg_proc;
  fires record;
begin
  select * into strict it from pg_catalog.pg_proc where oid = name::pg_catalog.regproc;
  if it.prosecdef then
    return false;
  end if;
  if it.prorettype = 'trigger'::pg_catalog.regtype then
    for fires in select tgrelid::pg_catalog.regclass as owner from pg_catalog.pg_trigger
      where tgfoid = it.oid
    loop
      execute 'create temporary table probe as select * from ' || fires.owner || ' with no data';
      execute 'create trigger probe before insert or update or delete on pg_temp.probe'
        ' for each row execute function ' || it.oid::pg_catalog.regproc || '()';
      insert into pg_temp.probe default values;
      drop table pg_temp.probe;
    end loop;
  elsif (select lanname from pg_catalog.pg_language where oid = it.prolang) = 'sql' then
    execute pg_catalog.pg_get_functiondef(it.oid);
  else
    execute 'select ' || it.oid::pg_catalog.regproc || '(' || (
      select coalesce(pg_catalog.string_agg('null::' || type::pg_catalog.regtype, ', '), '')
      from pg_catalog.unnest(it.proargtypes) type) || ')';
  end if;
  return true;
exception when undefined_table or undefined_function or undefined_object or undefined_column then
  return false;
end $$;
