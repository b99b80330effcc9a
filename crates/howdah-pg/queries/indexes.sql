-- Indexes with their columns as parallel arrays, key columns first, then the included ones.
-- The relations of the schema $1, if it is given, are left out: first, and not after all that is
-- looked up for each.
with wanted as materialized (
  select i.*, c.relname, n.nspname, am.amname, i.indkey::int2[] as numbers,
         am.amname = 'btree' and c.relkind = 'i' and c.reloptions is null
           and i.indexprs is null and i.indpred is null and not i.indnullsnotdistinct
           and i.indnkeyatts = i.indnatts as plain
  from pg_index i
  join pg_class c on c.oid = i.indexrelid
  join pg_namespace n on n.oid = c.relnamespace
  join pg_am am on am.oid = c.relam
  where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and n.nspname is distinct from $1
), parts as (
  -- For all at once: one by one, each would read the operator classes anew.
  select i.indexrelid,
         array_agg(a.attname::text order by u.pos) as columns,
         array_agg(case when u.number <> 0 then quote_ident(a.attname)
                        else pg_get_indexdef(i.indexrelid, u.pos::int4, false) end
                   order by u.pos) as expressions,
         array_agg(coalesce(i.indoption[u.pos - 1] & 1 = 1, false) order by u.pos) as descending,
         array_agg(case when oc.opcdefault then null
                        when ocn.nspname = 'pg_catalog' then oc.opcname::text
                        else ocn.nspname || '.' || oc.opcname end order by u.pos) as opclasses,
         string_agg(quote_ident(a.attname), ', ' order by u.pos) as list,
         bool_and(oc.opcdefault and oc.opcintype = a.atttypid
                  and i.indcollation[u.pos - 1] = a.attcollation
                  and i.indoption[u.pos - 1] = 0) as plain
  from wanted i
  cross join lateral unnest(i.numbers) with ordinality u(number, pos)
  -- By its index: a join of sets would read the attributes of every chunk.
  left join lateral (
    select a.attname, a.atttypid, a.attcollation from pg_attribute a
    where a.attrelid = i.indrelid and a.attnum = u.number and u.number <> 0
    offset 0
  ) a on true
  left join pg_opclass oc on oc.oid = i.indclass[u.pos - 1]
  left join pg_namespace ocn on ocn.oid = oc.opcnamespace
  group by i.indexrelid
)
select i.indrelid as relation, i.indexrelid as oid, i.relname::text as name,
       i.amname::text as method,
       i.indisunique as is_unique, i.indnullsnotdistinct as nulls_not_distinct,
       i.indisprimary as is_primary, i.indisvalid as valid,
       i.indnkeyatts as key_columns,
       parts.columns, parts.expressions, parts.descending, parts.opclasses,
       pg_get_expr(i.indpred, i.indrelid) as predicate,
       -- PostgreSQL looks up a dozen things to print one; most need none of them.
       case when i.plain and parts.plain
            then format('CREATE %sINDEX %I ON %I.%I USING btree (%s)',
                        case when i.indisunique then 'UNIQUE ' else '' end,
                        i.relname, i.nspname, t.relname, parts.list)
            else pg_get_indexdef(i.indexrelid) end as definition,
       pn.nspname::text as parent_schema, pc.relname::text as parent_name
from wanted i
join pg_class t on t.oid = i.indrelid
left join pg_inherits h on h.inhrelid = i.indexrelid
left join pg_class pc on pc.oid = h.inhparent
left join pg_namespace pn on pn.oid = pc.relnamespace
join parts on parts.indexrelid = i.indexrelid
order by i.indrelid, i.relname
