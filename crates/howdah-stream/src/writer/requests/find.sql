-- The requests that another transaction has stored. Rows of this transaction have its own xmin.
select h.api_key, h.name, h.fingerprint, h.accepted, h.duplicates, h.xmin::text
from unnest($1::bigint[], $2::text[]) as r (api_key, name)
join howdah.http_requests h using (api_key, name)
where h.xmin <> pg_current_xact_id()::xid
