-- The keys that open anything now.
select hash, id, shown, scopes, tenant
from howdah.api_keys
where revoked_at is null and (expires_at is null or expires_at > now())
