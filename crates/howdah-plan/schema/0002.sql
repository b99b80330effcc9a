-- howdah's own schema, version 2.

-- Who may send events by HTTP. The secret of a key is shown once; here is its SHA-256.
create table howdah.api_keys (
    id bigint generated always as identity primary key,
    name text not null,
    shown text not null,
    hash bytea not null unique check (octet_length(hash) = 32),
    scopes text[] not null,
    tenant text,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz
);
comment on table howdah.api_keys is 'API keys: what they may do and for whom; hash is of the secret, which nobody keeps';
comment on column howdah.api_keys.shown is 'how the secret begins';

-- The requests that are stored, with their events, so that a repetition of one changes nothing.
create table howdah.http_requests (
    api_key bigint not null,
    name text not null,
    fingerprint bytea not null,
    source text not null,
    accepted bigint not null,
    duplicates bigint not null,
    stored_at timestamptz not null default now(),
    primary key (api_key, name)
);
create index http_requests_stored_at on howdah.http_requests using brin (stored_at) with (pages_per_range = 16);
comment on table howdah.http_requests is 'requests that are stored, until upkeep forgets them; api_key 0: names that howdah gave itself';

insert into howdah.version (version) values (2);
