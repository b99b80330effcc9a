-- Whom rows belong to: organisations are the tenants. Their users, keys and, apart from everything
-- else, the people behind the pseudonyms.

create type org_type as enum ('enterprise', 'commercial', 'private', 'government', 'training');
create type org_tier as enum ('basic', 'professional', 'enterprise');
create type user_role as enum ('admin', 'manager', 'analyst', 'pilot', 'user', 'readonly');

-- Every change of an entity names the version that it saw: of two writers one wins, and the other
-- gets a conflict instead of overwriting what it never read.
create function compare_and_set() returns trigger
    language plpgsql
    set search_path = pg_catalog
as $$
begin
    if new.row_version is distinct from old.row_version + 1 then
        raise exception 'the row was changed by somebody else'
            using errcode = 'serialization_failure',
                  hint = 'Read it again, and write row_version + 1 of what was read.';
    end if;
    new.created_at := old.created_at;
    new.updated_at := now();
    return new;
end
$$;
comment on function compare_and_set() is 'An update must raise row_version by one; keeps the times';

-- The time within an id (RFC 9562, version 7: milliseconds in the first 48 bits). An id that says
-- its time is unique over all chunks, although a key of a chunked table must name the time too.
create function uuid7_at(id uuid) returns timestamptz
    language sql immutable strict parallel safe
    return to_timestamp(
        ('x' || translate(left(id::text, 13), '-', ''))::bit(48)::bigint / 1000.0);
comment on function uuid7_at(uuid) is 'When a UUID of version 7 was made, to the millisecond';

create function is_uuid7(id uuid) returns boolean
    language sql immutable strict parallel safe
    return substr(id::text, 15, 1) = '7';
comment on function is_uuid7(uuid) is 'Whether a UUID holds its time';

create table organization (
    org_id text primary key check (org_id ~ '^[a-z0-9][a-z0-9-]{0,49}$'),
    name text not null check (name <> ''),
    org_type org_type not null,
    tier org_tier not null default 'basic',
    rate_limit_h integer not null default 1000 check (rate_limit_h > 0),
    quota_gb integer not null default 100 check (quota_gb > 0),
    keep interval check (keep between interval '3 years' and interval '10 years'),
    keep_samples interval check (keep_samples between interval '90 days' and interval '10 years'),
    keep_requests interval check (keep_requests >= interval '30 days'),
    keep_logins interval check (keep_logins >= interval '90 days'),
    region text not null default 'eu' check (region ~ '^[a-z0-9-]{2,20}$'),
    legal_hold boolean not null default false,
    active boolean not null default true,
    row_version integer not null default 0 check (row_version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create trigger compare_and_set before update on organization
    for each row execute function compare_and_set();
comment on table organization is 'Operators; an organisation is a tenant';
comment on column organization.org_id is 'Its code; the name under which every message speaks of it';
comment on column organization.rate_limit_h is 'Requests an hour';
comment on column organization.quota_gb is 'Stored files, in GB (10^9 bytes)';
comment on column organization.keep is
    'How long events are kept, 3 to 10 years; null: as long as each stream says';
comment on column organization.keep_samples is 'How long telemetry is kept; null: as the stream says';
comment on column organization.keep_requests is 'How long api_request is kept; null: as the stream says';
comment on column organization.keep_logins is 'How long auth_event is kept; null: as the stream says';
comment on column organization.legal_hold is 'Nothing is deleted while it is set';
comment on column organization.active is 'A suspended organisation loses access at once';

-- The logins of suspended organisations, so that they can come back.
create table suspended_login (
    login name primary key,
    org_id text not null references organization on delete restrict
);
create index suspended_login_by_org on suspended_login (org_id);
comment on table suspended_login is 'Logins that an organisation has when it is active again';

-- Access is a row of howdah.tenant_logins: without it every policy hides every row, in the next
-- statement of every open connection too.
create function suspend_organization() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, public
as $$
begin
    if new.active then
        insert into howdah.tenant_logins (login, tenant)
        select login, org_id from suspended_login where org_id = new.org_id
        on conflict (login) do nothing;
        delete from suspended_login where org_id = new.org_id;
    else
        insert into suspended_login (login, org_id)
        select login, tenant from howdah.tenant_logins where tenant = new.org_id
        on conflict (login) do nothing;
        delete from howdah.tenant_logins where tenant = new.org_id;
    end if;
    return null;
end
$$;
revoke execute on function suspend_organization() from public;
create trigger suspend_organization after update of active on organization
    for each row when (new.active <> old.active) execute function suspend_organization();

create table app_user (
    org_id text not null references organization on delete restrict,
    user_id text not null check (user_id <> ''),
    email text not null check (email like '%_@_%'),
    role user_role not null,
    pseudonym text not null check (pseudonym <> ''),
    failed_logins integer not null default 0 check (failed_logins >= 0),
    locked_until timestamptz,
    active boolean not null default true,
    row_version integer not null default 0 check (row_version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, user_id),
    constraint app_user_lock check (failed_logins < 5 or locked_until is not null)
);
-- One account per address and organisation, whatever its case.
create unique index app_user_email on app_user (org_id, lower(email));
create trigger compare_and_set before update on app_user
    for each row execute function compare_and_set();
comment on table app_user is 'Accounts; secrets are in app_user_secret';
comment on column app_user.pseudonym is 'What streams and entities call this person';
comment on column app_user.failed_logins is 'In a row; the fifth locks for 15 minutes';

-- What nobody reads but the service: apart from what it belongs to, so that no list, audit image or
-- export of an entity can hold it.
create table app_user_secret (
    org_id text not null,
    user_id text not null,
    password_hash text not null check (password_hash ~ '^\$argon2id\$v=\d+\$m=\d+,t=\d+,p=\d+\$'),
    mfa_sealed bytea,
    row_version integer not null default 0 check (row_version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, user_id),
    foreign key (org_id, user_id) references app_user on delete restrict
);
create trigger compare_and_set before update on app_user_secret
    for each row execute function compare_and_set();
comment on table app_user_secret is 'Password hashes and sealed seeds; no tenant sees any';
comment on column app_user_secret.password_hash is 'Memory-hard, with its parameters';
comment on column app_user_secret.mfa_sealed is 'Sealed by the service, with a key from outside';

create table api_key (
    org_id text not null references organization on delete restrict,
    key_id text not null check (key_id <> ''),
    key_prefix text not null check (key_prefix ~ '^[A-Za-z0-9]{4,12}$'),
    scopes text[] not null default '{}',
    per_minute integer not null default 60 check (per_minute > 0),
    per_hour integer not null default 1000 check (per_hour > 0),
    per_day integer not null default 10000 check (per_day > 0),
    allowed_ips inet[] not null default '{}',
    expires_at timestamptz,
    revoked_at timestamptz,
    row_version integer not null default 0 check (row_version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, key_id)
);
create trigger compare_and_set before update on api_key
    for each row execute function compare_and_set();
comment on table api_key is 'Keys of programs; the key itself is shown once and never stored';
comment on column api_key.per_minute is 'Calls a minute';
comment on column api_key.per_hour is 'Calls an hour';
comment on column api_key.per_day is 'Calls a day';

create table api_key_secret (
    org_id text not null,
    key_id text not null,
    key_hash bytea not null unique check (octet_length(key_hash) = 32),
    created_at timestamptz not null default now(),
    primary key (org_id, key_id),
    foreign key (org_id, key_id) references api_key on delete restrict
);
comment on table api_key_secret is 'SHA-256 of 256 random bits; no tenant sees any';

create table notification (
    org_id text not null,
    notification_id uuid not null check (is_uuid7(notification_id)),
    user_id text not null,
    type text not null
        check (type in ('exceedance', 'anomaly', 'maintenance', 'upload', 'quota', 'account')),
    title text not null,
    body text not null default '',
    data jsonb not null default '{}' check (jsonb_typeof(data) = 'object'),
    read_at timestamptz,
    row_version integer not null default 0 check (row_version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, notification_id),
    foreign key (org_id, user_id) references app_user on delete restrict
);
create index notification_by_user on notification (org_id, user_id, created_at);
create trigger compare_and_set before update on notification
    for each row execute function compare_and_set();
comment on table notification is 'What a user is told';

-- The session's organisation: null for the service, which speaks for all.
create function caller_org() returns text
    language plpgsql stable
    set search_path = pg_catalog
as $$
begin
    return howdah.tenant();
end
$$;
comment on function caller_org() is 'The organisation of the session, or null';

-- The vault: the only place that knows who a pseudonym is. The identity is sealed by the service
-- with a key of this one person, which lies outside; destroying both leaves every flight as it is.
-- Its column is not org_id, so that howdah grants it to no reader: only the functions of
-- 0007_people.sql look into it, each for the organisation of the session.
create table person (
    of_org text not null references organization on delete restrict,
    person_id uuid not null,
    pseudonym text not null check (pseudonym ~ '^p-[a-z0-9-]{1,40}$'),
    sealed bytea,
    key_ref text check (key_ref <> ''),
    licence_expiry date,
    erased_at timestamptz,
    row_version integer not null default 0 check (row_version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (of_org, person_id),
    unique (of_org, pseudonym),
    constraint person_is_sealed_or_erased check
        (case when erased_at is null then sealed is not null and key_ref is not null
              else sealed is null and key_ref is null and licence_expiry is null end)
);
create trigger compare_and_set before update on person
    for each row execute function compare_and_set();
alter table person enable row level security;
alter table person force row level security;
create policy person_of_caller on person
    using (of_org = (select caller_org())
           or (select pg_has_role(session_user, current_user, 'member')));
comment on table person is 'The vault: identities; read by person_export() alone';
comment on column person.of_org is 'Whose person it is';
comment on column person.pseudonym is 'What everything else calls this person';
comment on column person.sealed is
    'Name, e-mail, licence number: sealed by the service, with the key of key_ref';
comment on column person.key_ref is 'Which key opens it; the key is kept outside the database';
