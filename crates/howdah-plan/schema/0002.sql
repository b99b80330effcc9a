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

-- Each shard has one owner at a time. A lease ends by the database's clock, or with the session
-- that holds it; whoever takes it next raises the epoch, and a position moves only under the epoch
-- that its owner was given. position is null while nothing is committed.
alter table howdah.positions
    alter column position drop not null,
    add column owner text,
    add column epoch bigint not null default 0,
    add column lease_until timestamptz,
    add column owner_pid integer,
    add column owner_start timestamptz,
    add column ordinal bigint,
    add column incarnation text;
comment on column howdah.positions.owner is 'the process that may move the shard; null: nobody';
comment on column howdah.positions.epoch is 'how often the shard has had a new owner';
comment on column howdah.positions.lease_until is 'when the owner loses the shard unless he renews';
comment on column howdah.positions.owner_pid is 'the session that moves the shard: its backend';
comment on column howdah.positions.owner_start is 'when that backend started';
comment on column howdah.positions.ordinal is 'how many entries the shard had up to the position';
comment on column howdah.positions.incarnation is 'which run of the source''s server it was read from';

-- Entries that a source lost before they were read; kept in the transaction of the next batch.
create table howdah.losses (
    id bigint generated always as identity primary key,
    source text not null,
    shard text not null,
    kind text not null,
    after_position text not null,
    before_position text not null,
    entries bigint not null,
    exact boolean not null,
    noted_at timestamptz not null default now()
);
comment on table howdah.losses is 'entries that a source lost before they were read; entries is a lower bound when it is not exact';

-- An empty tenant is none: not the owner of rows with an empty text, and no broken uuid.
create or replace function howdah.tenant() returns text
    language sql stable security definer parallel safe
    set search_path = pg_catalog
    as $$select nullif(tenant, '') from howdah.tenant_logins where login = session_user$$;

insert into howdah.version (version) values (2);
