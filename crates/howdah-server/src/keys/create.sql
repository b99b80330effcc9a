insert into howdah.api_keys (name, shown, hash, scopes, tenant, expires_at)
values ($1, $2, $3, $4, $5, now() + make_interval(secs => $6::float8))
returning id
