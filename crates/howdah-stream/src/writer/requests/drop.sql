delete from howdah.http_requests h
using unnest($1::bigint[], $2::text[]) as r (api_key, name)
where h.api_key = r.api_key and h.name = r.name
