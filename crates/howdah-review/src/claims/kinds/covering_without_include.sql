-- claim: an index is called covering and is not
-- says: covering ; not|missing|promised ; index|include
-- like: It is not a covering index
-- unlike: Use a covering index
-- on: target
-- rows: TRUE HERE {} includes no column.
-- none: FALSE No index of the target is called so without an INCLUDE.
select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid
where c.relname ~* 'cover' and i.indnatts = i.indnkeyatts;
