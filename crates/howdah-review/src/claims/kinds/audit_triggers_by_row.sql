-- claim: an audit trigger fires for each row of many tables
-- says: audit trigger|trigger-based audit|triggers on every table
-- like: Audit triggers on all tables
-- unlike: Audit once a year
-- on: target
-- rows: TRUE HERE Row by row: {}.
-- none: FALSE No table of the target has a row trigger that writes an audit table.
select string_agg(distinct t.tgrelid::regclass::text, ' and ') || ' by ' || p.proname
from pg_trigger t join pg_proc p on p.oid = t.tgfoid
where not t.tgisinternal and t.tgtype & 1 = 1 and p.prosrc ~* 'insert into [^ ]*audit'
group by p.proname;
