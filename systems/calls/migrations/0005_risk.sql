-- Fraud, and who did what to the system.

create table fraud_scores (
    subject_kind text not null check (subject_kind in ('call', 'bid', 'account', 'phone')),
    subject_id text not null check (subject_id <> ''),
    model_version text not null,
    attempt smallint not null default 1 check (attempt > 0),
    event_time timestamptz not null,
    recorded_at timestamptz not null default now(),
    score numeric(5,4) not null check (score between 0 and 1),
    decision text not null check (decision in ('allow', 'review', 'block')),
    reasons text[] not null default '{}',
    features jsonb,
    latency_ms integer check (latency_ms >= 0),
    primary key (subject_kind, subject_id, model_version, attempt, event_time)
);
comment on table fraud_scores is 'Every score that a model gave; no tenant sees them';

create table fraud_profiles (
    id uuid primary key,
    kind text not null check (kind in ('phone', 'ip', 'account', 'device')),
    value_hmac text not null,
    risk numeric(5,4) not null check (risk between 0 and 1),
    model_version text,
    version integer not null default 0 check (version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique (kind, value_hmac)
);
create trigger compare_and_set before update on fraud_profiles
    for each row execute function compare_and_set();

create table blacklist (
    id uuid primary key,
    kind text not null check (kind in ('phone', 'ip', 'account', 'device')),
    value_hmac text not null,
    reason text not null,
    expires_at timestamptz,
    version integer not null default 0 check (version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique (kind, value_hmac)
);
create trigger compare_and_set before update on blacklist
    for each row execute function compare_and_set();

create type severity as enum ('info', 'warning', 'error', 'critical');
create table security_events (
    event_id uuid not null,
    event_time timestamptz not null,
    recorded_at timestamptz not null default now(),
    action text not null check (action <> ''),
    actor_id text not null check (actor_id <> ''),
    actor_type text not null,
    target_type text,
    target_id text,
    result text not null check (result in ('success', 'failure', 'denied')),
    severity severity not null default 'info',
    ip inet,
    user_agent text,
    correlation_id text,
    primary key (event_id, event_time)
);
create index security_events_by_actor on security_events (actor_id, event_time);
comment on table security_events is
    'Logins, denials, exports, changes of rights; reads of personal data too';
