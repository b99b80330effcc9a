-- The checks that pg-index-health documents, written anew from its documentation; its text is not
-- used. Left out are the two estimates of bloat, and the tables with missing indexes, for which a
-- database must have been in use.

-- check invalid_indexes
-- covered by index-invalid
select about, part from peer_index where not indisvalid;

-- check duplicated_indexes
-- covered by index-duplicate
select about, string_agg(part, ',' order by part) from peer_index
group by about, indkey, indoption, indclass, indcollation, pg_get_expr(indpred, indrelid),
  pg_get_expr(indexprs, indrelid)
having count(*) > 1;

-- check intersected_indexes
-- covered by index-prefix, index-duplicate
select a.about, a.part from peer_index a join peer_index b
  on a.indrelid = b.indrelid and a.indexrelid <> b.indexrelid
  and a.keys = b.keys[1:cardinality(a.keys)] and cardinality(a.keys) < cardinality(b.keys)
  and a.indpred is null and b.indpred is null and a.indexprs is null and b.indexprs is null
where not a.indisunique
group by a.about, a.part;

-- check unused_indexes
-- covered by index-unused, index-duplicate, index-prefix
select about, part from peer_index where idx_scan = 0 and not indisunique;
-- answer: the table has no row yet, so no statement could have used it
select 'no row' where not exists (select from {about});

-- check foreign_keys_without_index
-- covered by foreign-key-without-index
select about, part from peer_foreign_key k
where not exists (select from pg_index i where i.indrelid = k.conrelid and i.indpred is null
  and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey);

-- check indexes_with_null_values
-- covered by index-prefix, index-duplicate
select i.about, i.part from peer_index i join peer_column c
  on c.oid = i.indrelid and c.attnum = i.keys[1] and not c.attnotnull
where i.indnkeyatts = 1 and i.indpred is null and not i.indisunique
  and (select amname from pg_am join pg_class x on x.relam = pg_am.oid
       where x.oid = i.indexrelid) = 'btree';
-- answer: with its nulls it serves "is null", which the partial index that is advised does not
set enable_seqscan = off;
select line from pg_index i, pg_attribute a, pg_temp.plan_of(format(
  'select from {about} where %I is null', a.attname)) line
where i.indexrelid = '{schema}{part}'::regclass and a.attrelid = i.indrelid
  and a.attnum = i.indkey[0] and line like '%Index%';

-- check tables_without_primary_key
-- covered by primary-key-missing
select about, null from peer_table t
where not exists (select from pg_constraint k where k.conrelid = t.oid and k.contype = 'p');

-- check tables_without_description
select about, null from peer_table where obj_description(oid, 'pg_class') is null;
-- style: a comment changes nothing that the server does

-- check columns_without_description
select about, part from peer_column where col_description(oid, attnum) is null;
-- style: a comment changes nothing that the server does

-- check functions_without_description
select about, null from peer_function where obj_description(oid, 'pg_proc') is null;
-- style: a comment changes nothing that the server does

-- check columns_with_json_type
-- covered by json-instead-of-jsonb
select about, part from peer_column where type = 'json';

-- check columns_with_serial_types
-- covered by serial-instead-of-identity
select about, part from peer_column where not is_key and filled like 'nextval(%'
  and pg_get_serial_sequence(about, part) is not null;

-- check indexes_with_boolean
-- covered by index-on-boolean
select i.about, i.part from peer_index i where exists (select from peer_column c
  where c.oid = i.indrelid and c.attnum = any (i.keys) and c.type = 'boolean');

-- check not_valid_constraints
-- covered by constraint-not-validated
select t.about, k.conname from pg_constraint k join peer_table t on t.oid = k.conrelid
where not k.convalidated;

-- check btree_indexes_on_array_columns
-- covered by btree-on-document
select i.about, i.part from peer_index i join pg_class x on x.oid = i.indexrelid
  join pg_am m on m.oid = x.relam and m.amname = 'btree'
where exists (select from peer_column c where c.oid = i.indrelid and c.attnum = any (i.keys)
  and c.type like '%[]');

-- check sequence_overflow
-- covered by key-near-overflow
select schemaname || '.' || sequencename, null from pg_sequences
where last_value > max_value - (max_value - min_value) / 10;

-- check primary_keys_with_serial_types
-- covered by serial-instead-of-identity
select about, part from peer_column where is_key and filled like 'nextval(%'
  and pg_get_serial_sequence(about, part) is not null;

-- check duplicated_foreign_keys
-- covered by foreign-key-duplicate
select a.about, string_agg(a.part, ',') from peer_foreign_key a
group by a.about, a.confrelid, a.conkey, a.confkey having count(*) > 1;

-- check intersected_foreign_keys
-- covered by foreign-key-duplicate
select a.about, a.part from peer_foreign_key a join peer_foreign_key b
  on a.conrelid = b.conrelid and a.oid <> b.oid and a.confrelid = b.confrelid
  and a.conkey <@ b.conkey and a.conkey <> b.conkey;

-- check possible_object_name_overflow
-- covered by name-cut-off
select about, part from peer_index where octet_length(part::text) = 63;

-- check tables_not_linked_to_others
select t.about, null from peer_table t where not exists (
  select from pg_constraint k where k.contype = 'f' and t.oid in (k.conrelid, k.confrelid));
-- style: a table that stands alone is not broken; keys that miss are foreign-key-missing

-- check foreign_keys_with_unmatched_column_type
-- covered by foreign-key-type-differs
select k.about, k.part from peer_foreign_key k, unnest(k.conkey, k.confkey) pair(mine, other)
  join pg_attribute b on b.attnum = other join pg_attribute a on a.attnum = mine
where a.attrelid = k.conrelid and b.attrelid = k.confrelid
  and (a.atttypid, a.atttypmod) <> (b.atttypid, b.atttypmod);

-- check tables_with_zero_or_one_column
select about, null from peer_column group by about having count(*) < 2;
-- style: a set of one column is a table

-- check objects_not_following_naming_convention
-- covered by name-needs-quotes
select about, null from peer_table where relname !~ '^[a-z_][a-z0-9_$]*$';

-- check columns_not_following_naming_convention
-- covered by name-needs-quotes
select about, part from peer_column where part !~ '^[a-z_][a-z0-9_$]*$';

-- check primary_keys_with_varchar
-- covered by uuid-as-text
select about, part from peer_column where is_key and type = 'character varying'
  and atttypmod - 4 in (32, 36, 38);

-- check columns_with_fixed_length_varchar
select about, part from peer_column where type = 'character varying' and atttypmod > 0;
-- answer: the limit can be raised and taken away without a rewrite or a read of the table
create temporary table before as select pg_relation_filenode('{about}') as file,
  pg_stat_get_xact_numscans('{about}'::regclass) as scans;
alter table {about} alter {part} type text;
select 'neither' from before where file is not distinct from pg_relation_filenode('{about}')
  and scans = pg_stat_get_xact_numscans('{about}'::regclass);

-- check indexes_with_unnecessary_where_clause
-- covered by index-predicate-always-true
select i.about, i.part from peer_index i where exists (select from peer_column c
  where c.oid = i.indrelid and c.attnotnull
  and pg_get_expr(i.indpred, i.indrelid) = format('(%I IS NOT NULL)', c.part));

-- check primary_keys_likely_natural
select about, part from peer_column
where is_key and type not in ('smallint', 'integer', 'bigint', 'uuid');
-- style: a key of the world is no defect; what is unsafe about one is uuid-as-text and others

-- check columns_with_money_type
-- covered by money-type
select about, part from peer_column where type = 'money';

-- check indexes_with_timestamp_in_the_middle
select i.about, i.part from peer_index i where exists (
  select from unnest(i.keys) with ordinality key(attnum, place)
    join peer_column c on c.oid = i.indrelid and c.attnum = key.attnum
  where c.type like 'timestamp%' and place < cardinality(i.keys)) and i.keys[1] <> 0;
-- answer: it is the order of a key, which is unique whatever the order
select 'unique' from pg_index where indexrelid = '{schema}{part}'::regclass and indisunique;

-- check columns_with_timestamp_or_timetz_type
-- covered by timestamp-without-time-zone, time-with-zone-without-date
select about, part from peer_column
where type in ('timestamp without time zone', 'time with time zone');

-- check tables_where_primary_key_columns_are_not_first
select about, null from peer_table t where (
  select min(c.attnum) from peer_column c where c.oid = t.oid and c.is_key) > 1;
-- style: the order of columns is no part of a relation

-- check tables_where_all_columns_nullable_except_primary_key
select about, null from peer_column
group by about having bool_and(not attnotnull) filter (where not is_key);
-- style: nothing says that any of the values must be there

-- check columns_with_char_type
-- covered by character-padded
select about, part from peer_column where type = 'character';

-- check tables_with_inheritance
-- covered by keys-end-at-inheritance
select t.about, null from pg_inherits i join peer_table t on t.oid = i.inhrelid;

-- check foreign_keys_with_null_values
-- covered by foreign-key-partly-null
select about, part from peer_foreign_key k where cardinality(conkey) > 1 and confmatchtype <> 'f'
  and exists (select from peer_column c where c.oid = k.conrelid and c.attnum = any (k.conkey)
    and not c.attnotnull);

-- check tables_with_no_data
select about, null from peer_table t
where not exists (select from pg_stat_user_tables s where s.relid = t.oid and n_live_tup > 0);
-- answer: the database was made a moment ago, and nothing has been written to it
select 'nothing' from pg_stat_user_tables
where relid = '{about}'::regclass and n_tup_ins + n_tup_upd + n_tup_del = 0;

-- check self_referenced_foreign_keys_without_action
select about, part from peer_foreign_key
where conrelid = confrelid and confdeltype not in ('c', 'n');

-- check columns_with_blob_type
-- covered by oid-as-value
select about, part from peer_column where type in ('oid', 'lo');

-- check tables_with_incrementing_column_names
select about, regexp_replace(part, '[0-9]+$', '') from peer_column
where part ~ '[0-9]+$' group by 1, 2 having count(*) > 1;

-- check columns_with_inconsistent_types
-- covered by column-types-differ
select string_agg(distinct about, ','), part from peer_column
group by part having count(distinct format_type(atttypid, atttypmod)) > 1;
-- answer: no foreign key says that two of them are one thing
select 'not joined' where not exists (
  select from pg_constraint k, unnest(k.conkey, k.confkey) pair(mine, other)
    join pg_attribute a on a.attnum = mine join pg_attribute b on b.attnum = other
  where k.contype = 'f' and a.attrelid = k.conrelid and b.attrelid = k.confrelid
    and a.attname = '{part}' and b.attname = '{part}');
