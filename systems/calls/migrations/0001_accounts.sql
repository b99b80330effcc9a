-- Who trades: accounts are the tenants. Buyers bid, sellers bring calls.

create type account_type as enum ('buyer', 'seller', 'admin');
create type account_status as enum ('pending', 'active', 'suspended', 'banned', 'closed');

-- Every change of an entity names the version that it saw: of two writers one wins, and the other
-- gets a conflict instead of overwriting what it never read.
create function compare_and_set() returns trigger
    language plpgsql
    set search_path = pg_catalog
as $$
begin
    if new.version is distinct from old.version + 1 then
        raise exception 'the row was changed by somebody else'
            using errcode = 'serialization_failure',
                  hint = 'Read it again, and write version + 1 where version is what was read.';
    end if;
    new.created_at := old.created_at;
    new.updated_at := now();
    return new;
end
$$;
comment on function compare_and_set() is 'An update must raise version by one; keeps the times';

create table accounts (
    id uuid primary key,
    email text not null check (email like '%_@_%'),
    name text not null check (name <> ''),
    company text,
    type account_type not null,
    status account_status not null default 'pending',
    phone text check (phone ~ '^\+[1-9][0-9]{1,14}$'),
    billing_address jsonb check (jsonb_typeof(billing_address) = 'object'),
    parent_account_id uuid references accounts on delete restrict check (parent_account_id <> id),
    payment_terms_days integer not null default 30 check (payment_terms_days between 0 and 365),
    credit_limit numeric(18,4) not null default 1000 check (credit_limit >= 0),
    rating numeric(4,3) not null default 0.5 check (rating between 0 and 1),
    compliance_flags text[] not null default '{}',
    tcpa_consent boolean not null default false,
    gdpr_consent boolean not null default false,
    last_login_at timestamptz,
    deleted_at timestamptz,
    version integer not null default 0 check (version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create unique index accounts_email on accounts (lower(email)) where deleted_at is null;
create index accounts_by_parent on accounts (parent_account_id)
    where parent_account_id is not null;
create trigger compare_and_set before update on accounts
    for each row execute function compare_and_set();
comment on table accounts is 'Buyers, sellers and administrators; an account is a tenant';
comment on column accounts.credit_limit is
    'How far below zero the balance may go; copied to account_state';
comment on column accounts.rating is 'Of a buyer, 0 to 1: weighs in the winner of an auction';
comment on column accounts.compliance_flags is 'SUSPENDED and BANNED keep a buyer out of auctions';

create table account_settings (
    account_id uuid primary key references accounts on delete restrict,
    timezone text not null default 'America/New_York',
    allowed_hours int4range not null default '[9,17)'
        check (not isempty(allowed_hours) and allowed_hours <@ int4range(0, 24)),
    blocked_area_codes text[] not null default '{}',
    max_concurrent_calls integer not null default 10 check (max_concurrent_calls >= 0),
    auto_bidding boolean not null default false,
    max_bid_amount numeric(18,4) not null default 10 check (max_bid_amount > 0),
    take_rate numeric(5,4) not null default 0.15 check (take_rate between 0 and 1),
    version integer not null default 0 check (version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create trigger compare_and_set before update on account_settings
    for each row execute function compare_and_set();
comment on column account_settings.timezone is 'IANA name; days of the account are told in it';
comment on column account_settings.take_rate is
    'The platform''s share of what a seller''s call is charged';

-- What nobody reads but the service: hashes, seeds, tokens. Apart from what they belong to, so that
-- no list, audit image or export of an entity can hold them.
create table account_secrets (
    account_id uuid not null references accounts on delete restrict,
    kind text not null check (kind in ('password', 'mfa', 'api_key', 'payment', 'webhook')),
    subject_id uuid not null,
    sealed bytea not null,
    version integer not null default 0 check (version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (account_id, kind, subject_id)
);
create trigger compare_and_set before update on account_secrets
    for each row execute function compare_and_set();
comment on table account_secrets is
    'Hashes and sealed values; no tenant sees any, its own included';

create table users (
    id uuid primary key,
    account_id uuid not null references accounts on delete restrict,
    email text not null check (email like '%_@_%'),
    name text not null,
    role text not null check (role in ('owner', 'manager', 'analyst', 'viewer')),
    status account_status not null default 'active',
    version integer not null default 0 check (version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create unique index users_email on users (lower(email));
create index users_by_account on users (account_id);
create trigger compare_and_set before update on users
    for each row execute function compare_and_set();

create table api_keys (
    id uuid primary key,
    account_id uuid not null references accounts on delete restrict,
    prefix text not null check (prefix ~ '^[a-z0-9]{4,12}$'),
    scopes text[] not null default '{}',
    expires_at timestamptz,
    revoked_at timestamptz,
    version integer not null default 0 check (version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index api_keys_by_account on api_keys (account_id);
create trigger compare_and_set before update on api_keys
    for each row execute function compare_and_set();
comment on column api_keys.prefix is 'What is shown; the hash is in account_secrets';

create table webhook_endpoints (
    id uuid primary key,
    account_id uuid not null references accounts on delete restrict,
    url text not null check (url like 'https://%'),
    events text[] not null default '{}',
    active boolean not null default true,
    version integer not null default 0 check (version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index webhook_endpoints_by_account on webhook_endpoints (account_id);
create trigger compare_and_set before update on webhook_endpoints
    for each row execute function compare_and_set();
