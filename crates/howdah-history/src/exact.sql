-- Of a chunk ($1) of a stream ($2): whether this login is its owner, whether it has triggers that
-- are not the server's own, and whether a foreign key refers to it or the stream.
select pg_has_role(current_user, c.relowner, 'usage'),
       exists (select from pg_catalog.pg_trigger t
                where t.tgrelid = c.oid and not t.tgisinternal),
       exists (select from pg_catalog.pg_constraint f
                where f.contype = 'f' and f.confrelid in (c.oid, $2::text::regclass))
  from pg_catalog.pg_class c
 where c.oid = $1::text::regclass
