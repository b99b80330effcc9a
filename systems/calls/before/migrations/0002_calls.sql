-- Calls: a row that is updated at every event, and the events, partitioned by the hour.

create table core.calls (
    id uuid primary key,
    call_sid text not null unique,
    seller_id uuid not null,
    buyer_id uuid,
    winning_bid_id uuid,
    from_number text not null,
    to_number text not null,
    status text not null default 'pending',
    vertical text,
    geo text,
    start_time timestamptz,
    connected_time timestamptz,
    end_time timestamptz,
    duration integer,
    metadata jsonb not null default '{}',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
-- Finding 5: ten indexes and more; several are prefixes of others.
create index calls_seller on core.calls (seller_id);
create index calls_seller_status on core.calls (seller_id, status);
create index calls_seller_created on core.calls (seller_id, created_at desc);
create index calls_buyer on core.calls (buyer_id);
create index calls_buyer_status on core.calls (buyer_id, status);
create index calls_buyer_created on core.calls (buyer_id, created_at desc);
create index calls_status on core.calls (status);
create index calls_from on core.calls (from_number);
create index calls_to on core.calls (to_number);
create index calls_start on core.calls (start_time desc);
create index calls_active on core.calls (status, start_time) where status not in ('completed', 'failed');
create index calls_metadata on core.calls using gin (metadata);
create trigger touch before update on core.calls
    for each row execute function core.touch_updated_at();
create trigger audit after insert or update or delete on core.calls
    for each row execute function audit.log_change();

-- Finding 4: chunks of one hour.
create table core.call_events (
    id uuid not null default gen_random_uuid(),
    event_time timestamptz not null,
    call_id uuid not null,
    call_sid text not null,
    seq integer not null,
    event_type text not null,
    seller_id uuid not null,
    buyer_id uuid,
    event_data jsonb not null default '{}',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (id, event_time),
    unique (call_sid, seq, event_time)
) partition by range (event_time);
create index call_events_time on core.call_events (event_time desc);
create index call_events_call on core.call_events (call_id);
create index call_events_call_time on core.call_events (call_id, event_time desc);
create index call_events_type on core.call_events (event_type);
create index call_events_type_time on core.call_events (event_type, event_time desc);
create index call_events_seller on core.call_events (seller_id, event_time desc);
create index call_events_buyer on core.call_events (buyer_id, event_time desc);
create index call_events_created on core.call_events (created_at);
create index call_events_data on core.call_events using gin (event_data);
create trigger touch before update on core.call_events
    for each row execute function core.touch_updated_at();
create trigger audit after insert or update or delete on core.call_events
    for each row execute function audit.log_change();

create table core.call_quality (
    id uuid primary key default gen_random_uuid(),
    call_id uuid not null,
    leg integer not null,
    sample_no integer not null,
    event_time timestamptz not null,
    mos numeric(3,2),
    packet_loss numeric(5,4),
    jitter_ms integer,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique (call_id, leg, sample_no)
);
create index call_quality_call on core.call_quality (call_id);
create index call_quality_time on core.call_quality (event_time desc);
create index call_quality_mos on core.call_quality (mos);
create trigger touch before update on core.call_quality
    for each row execute function core.touch_updated_at();
create trigger audit after insert or update or delete on core.call_quality
    for each row execute function audit.log_change();

create table core.outcomes (
    id uuid primary key default gen_random_uuid(),
    call_id uuid not null,
    outcome_no integer not null,
    event_time timestamptz not null,
    buyer_id uuid not null,
    converted boolean not null,
    revenue numeric(18,4),
    disposition text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique (call_id, outcome_no)
);
create index outcomes_buyer on core.outcomes (buyer_id, event_time desc);
create trigger touch before update on core.outcomes
    for each row execute function core.touch_updated_at();
create trigger audit after insert or update or delete on core.outcomes
    for each row execute function audit.log_change();
