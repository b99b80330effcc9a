-- Takes the names that are free, in their order: two processes that take the same ones wait for
-- each other, and do not deadlock. Counts are those of requests without a duplicate.
insert into howdah.http_requests (api_key, name, fingerprint, source, accepted, duplicates)
select r.api_key, r.name, r.fingerprint, $5, r.events, 0
from unnest($1::bigint[], $2::text[], $3::bytea[], $4::bigint[])
     as r (api_key, name, fingerprint, events)
order by r.api_key, r.name
on conflict do nothing
