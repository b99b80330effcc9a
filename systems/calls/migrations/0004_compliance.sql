-- May this call be made? Evidence is kept for years and never changed.

create type outcome as enum ('allow', 'deny', 'unknown');
create type check_kind as enum
    ('tcpa_hours', 'dnc', 'consent', 'recording', 'geo', 'frequency');

create table compliance_checks (
    call_id uuid not null,
    "check" check_kind not null,
    attempt smallint not null check (attempt > 0),
    event_time timestamptz not null,
    recorded_at timestamptz not null default now(),
    seller_id uuid not null default '00000000-0000-0000-0000-000000000000',
    buyer_id uuid not null default '00000000-0000-0000-0000-000000000000',
    phone_hmac text,
    outcome outcome not null,
    reason text,
    rule_id text,
    rule_version integer,
    provider_ids text[] not null default '{}',
    confidence numeric(4,3) check (confidence between 0 and 1),
    local_time time,
    tz_source text check (tz_source in ('portability', 'area_code', 'unknown')),
    connected boolean not null default false,
    latency_ms integer check (latency_ms >= 0),
    primary key (call_id, "check", attempt, event_time)
);
-- Q8: the evidence about a phone number.
create index compliance_checks_by_phone on compliance_checks (phone_hmac, event_time)
    where phone_hmac is not null;
comment on table compliance_checks is 'Every check of every call, with what it went by';
comment on column compliance_checks.outcome is 'unknown counts as deny';
comment on column compliance_checks.connected is
    'The call was connected although it is denied: found later, it is a violation';

-- Exposure of a time, over all parties.
create table compliance_1d (
    seller_id uuid not null,
    buyer_id uuid not null,
    "check" check_kind not null,
    bucket timestamptz not null,
    primary key (seller_id, buyer_id, "check", bucket)
) with (fillfactor = 80);
create index compliance_1d_by_time on compliance_1d (bucket);

create type consent_kind as enum
    ('created', 'activated', 'updated', 'expired', 'revoked', 'opt_out');

create table consent_events (
    consent_id uuid not null,
    version integer not null check (version > 0),
    event_time timestamptz not null,
    recorded_at timestamptz not null default now(),
    kind consent_kind not null,
    consumer_id uuid not null,
    business_id uuid not null,
    channels text[] not null default '{}'
        check (channels <@ array['voice', 'sms', 'email', 'fax', 'web', 'api']),
    purpose text not null
        check (purpose in ('marketing', 'service_calls', 'debt_collection', 'emergency')),
    source text not null check (source in
        ('web_form', 'voice_recording', 'sms_reply', 'email_reply', 'api', 'import')),
    proof_ids text[] not null default '{}',
    expires_at timestamptz,
    primary key (consent_id, version, event_time)
);
-- Q8: what a consumer ever agreed to, and with whom.
create index consent_events_by_consumer on consent_events (consumer_id, event_time);
comment on table consent_events is
    'Consents as they were given and taken back; effective at event_time';

create table dnc_changes (
    provider_id text not null,
    sync_id text not null,
    line_no bigint not null check (line_no > 0),
    event_time timestamptz not null,
    recorded_at timestamptz not null default now(),
    kind text not null check (kind in ('added', 'removed')),
    phone_hmac text not null check (phone_hmac <> ''),
    phone_enc bytea,
    registered_on date,
    entry_type text not null default 'standard'
        check (entry_type in ('standard', 'wireless', 'permanent', 'temporary')),
    reason text,
    primary key (provider_id, sync_id, line_no, event_time)
);
comment on table dnc_changes is 'Lines of the lists; they count when the whole file is there';

create table dnc_providers (
    id text primary key,
    name text not null unique,
    type text not null check (type in ('federal', 'state', 'wireless', 'internal', 'third_party')),
    sync_every interval not null default '24 hours' check (sync_every > interval '0'),
    priority smallint not null default 1 check (priority between 1 and 4),
    auth_secret_ref text check (auth_secret_ref ~ '^(env|file|vault):'),
    version integer not null default 0 check (version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create trigger compare_and_set before update on dnc_providers
    for each row execute function compare_and_set();
comment on column dnc_providers.priority is 'federal 4, state 3, internal 2, others 1';
comment on column dnc_providers.auth_secret_ref is 'Where the secret is; never the secret';

-- The manifest of a file. Its lines count when as many are there as it says.
create table dnc_syncs (
    provider_id text not null references dnc_providers on delete restrict,
    sync_id text not null,
    lines bigint not null check (lines >= 0),
    checksum text not null,
    listed_at timestamptz not null,
    primary key (provider_id, sync_id)
);
comment on table dnc_syncs is 'What each file of a list should hold';

-- Consumers: display data can be erased, the keyed hash and the evidence stay.
create table consumers (
    id uuid primary key,
    phone_hmac text not null unique,
    phone_enc bytea,
    email_enc bytea,
    timezone text,
    erased_at timestamptz check (erased_at is null or (phone_enc is null and email_enc is null)),
    version integer not null default 0 check (version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create trigger compare_and_set before update on consumers
    for each row execute function compare_and_set();
comment on column consumers.timezone is
    'Of the called party; null where nobody knows: then no call is allowed';

create table consents (
    id uuid primary key,
    consumer_id uuid not null references consumers on delete restrict,
    business_id uuid not null references accounts on delete restrict,
    type text not null check (type in ('tcpa', 'gdpr', 'ccpa', 'marketing', 'dnc')),
    created_at timestamptz not null default now(),
    unique (consumer_id, business_id)
);
create index consents_by_business on consents (business_id);
comment on table consents is 'Which consumer and which business; how it stands is in consent_state';

create table consent_proofs (
    id text primary key,
    consent_id uuid not null references consents on delete restrict,
    business_id uuid not null references accounts on delete restrict,
    type text not null check (type in ('recording', 'transcript', 'form_submission', 'sms_log',
                                       'email_log', 'signature', 'digital')),
    content_hash bytea not null,
    uri text not null,
    created_at timestamptz not null default now()
);
create index consent_proofs_by_consent on consent_proofs (consent_id);
comment on table consent_proofs is 'Where the proof of a consent lies, and its hash';

create table compliance_rules (
    id text primary key,
    rule_version integer not null default 1 check (rule_version > 0),
    conditions jsonb not null default '{}' check (jsonb_typeof(conditions) = 'object'),
    geo text not null default '',
    priority smallint not null default 0,
    effective tstzrange not null default '[,)' check (not isempty(effective)),
    version integer not null default 0 check (version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create trigger compare_and_set before update on compliance_rules
    for each row execute function compare_and_set();

-- One row in force per scope and instant. Scopes have numbers, because a range of one number takes
-- part in an exclusion constraint without an extension.
create table tcpa_scopes (
    scope_no integer generated always as identity primary key,
    scope text not null unique check (scope <> '')
);
create table tcpa_hours (
    scope_no integer not null references tcpa_scopes on delete restrict,
    effective tstzrange not null check (not isempty(effective)),
    opens time not null default '08:00',
    closes time not null default '21:00',
    rule_version integer not null default 1,
    check (opens < closes),
    exclude using gist (int4range(scope_no, scope_no, '[]') with &&, effective with &&)
);
comment on table tcpa_hours is
    'When calls are allowed in the called party''s time; closes is the first moment that is not';
insert into tcpa_scopes (scope) values ('federal');
insert into tcpa_hours (scope_no, effective) select scope_no, '[,)' from tcpa_scopes;
