-- What answers the findings of squawk, which is run as it is.

-- check syntax-error
-- covered by does-not-build

-- check require-concurrent-index-creation
-- covered by create-index-not-concurrently
-- answer: nobody else can see its table yet: the build saw it lock no table of before its file
-- experiment no lock by the statement

-- check require-concurrent-index-deletion
-- covered by drop-index-not-concurrently
-- answer: nobody else can see its table yet: the build saw it lock no table of before its file
-- experiment no lock by the statement

-- check require-lock-timeout
-- covered by lock-timeout-missing
-- answer: the build saw no statement of its file lock a table of before the file against writers
-- experiment no lock by the file

-- check require-statement-timeout
-- covered by statement-timeout-missing
-- answer: the build saw no statement of its file lock a table of before the file against writers
-- experiment no lock by the file

-- check prefer-robust-stmts
-- covered by not-repeatable
-- answer: its file is one transaction: run, rolled back and run again, it is applied
-- experiment run again

-- check prefer-text-field
-- answer: the limit can be raised and taken away without a rewrite or a read of the table
create temporary table before as select pg_relation_filenode('{about}') as file,
  pg_stat_get_xact_numscans('{about}'::regclass) as scans;
alter table {about} alter {part} type text;
select 'neither' from before where file is not distinct from pg_relation_filenode('{about}')
  and scans = pg_stat_get_xact_numscans('{about}'::regclass);

-- check prefer-bigint-over-int
-- covered by integer-key-narrow
-- answer: no sequence counts it up: it is no key, or refers to one that is of this type
select 'no sequence' from peer_column c where about = '{about}' and part = '{part}'
  and pg_get_serial_sequence(about, part) is null and (not is_key or exists (
    select from pg_constraint k where k.conrelid = c.oid and k.contype = 'f'
      and c.attnum = any (k.conkey)));

-- check prefer-bigint-over-smallint
-- covered by integer-key-narrow

-- check prefer-identity
-- covered by serial-instead-of-identity

-- check prefer-timestamp-tz
-- covered by timestamp-without-time-zone

-- check adding-foreign-key-constraint
-- covered by foreign-key-checks-all-rows

-- check constraint-missing-not-valid
-- covered by check-checks-all-rows, foreign-key-checks-all-rows

-- check adding-not-nullable-field
-- covered by set-not-null-reads-all-rows

-- check adding-required-field
-- covered by required-column-without-default

-- check adding-field-with-default
-- covered by add-column-volatile-default

-- check adding-serial-primary-key-field
-- covered by add-column-rewrites

-- check disallowed-unique-constraint
-- covered by unique-key-builds-index

-- check changing-column-type
-- covered by type-change-rewrites

-- check ban-drop-column
-- covered by drop-of-what-is-used

-- check ban-drop-table
-- covered by drop-of-what-is-used

-- check renaming-column
-- covered by rename-of-what-is-used

-- check renaming-table
-- covered by rename-of-what-is-used

-- check ban-char-field
-- covered by character-padded

-- check ban-truncate-cascade
-- covered by truncate-cascades

-- check transaction-nesting
-- covered by transaction-in-transaction

-- check ban-concurrent-index-creation-in-transaction
-- covered by does-not-build

-- check ban-alter-domain-with-add-constraint
-- covered by domain-check-reads-tables

-- check ban-uncommitted-transaction
-- covered by transaction-left-open
