-- How partitioned tables are cut. Expressions of the key come as one list, in order.
select p.partrelid as relation, p.partstrat::text as strategy, p.partdefid as default_partition,
       array(select a.attname::text
             from unnest(p.partattrs::int2[]) with ordinality u(number, pos)
             left join pg_attribute a
               on a.attrelid = p.partrelid and a.attnum = u.number and u.number <> 0
             order by u.pos) as columns,
       pg_get_expr(p.partexprs, p.partrelid) as expressions
from pg_partitioned_table p
join pg_class c on c.oid = p.partrelid
join pg_namespace n on n.oid = c.relnamespace
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
