select id, shown, name, scopes, tenant, created_at::text, expires_at::text, revoked_at::text,
       revoked_at is null and (expires_at is null or expires_at > now())
from howdah.api_keys
order by id
