-- The market: calls, the auctions about them, the bids in these, and what came of it.

-- In the order of precedence: the status of a call is the largest kind seen, so a late event of a
-- lower kind never takes it back.
create type call_kind as enum
    ('corrected', 'initiated', 'auction_opened', 'routed', 'ringing', 'connected',
     'recording_started', 'transferred', 'canceled', 'no_answer', 'busy', 'failed', 'completed');
create type bid_kind as enum
    ('placed', 'modified', 'expired', 'canceled', 'rejected', 'lost', 'won');
create type auction_kind as enum ('opened', 'extended', 'closed', 'canceled');
create type auction_type as enum ('first_price', 'second_price', 'dynamic');
create type price_unit as enum ('per_call', 'per_minute');

create table call_events (
    call_id uuid not null,
    call_sid text not null check (call_sid <> ''),
    seq smallint not null check (seq between 0 and 60),
    event_time timestamptz not null,
    recorded_at timestamptz not null default now(),
    kind call_kind not null,
    seller_id uuid not null,
    buyer_id uuid not null default '00000000-0000-0000-0000-000000000000',
    winning_bid_id uuid,
    direction text not null default 'inbound' check (direction in ('inbound', 'outbound')),
    from_phone text not null check (from_phone ~ '^\+[1-9][0-9]{1,14}$'),
    to_phone text not null check (to_phone ~ '^\+[1-9][0-9]{1,14}$'),
    phone_hmac text,
    vertical text not null default '',
    geo text not null default '',
    routing_ms integer check (routing_ms >= 0),
    algorithm text,
    score numeric(10,4),
    attempt smallint check (attempt > 0),
    stage text,
    started_at timestamptz,
    connected_at timestamptz,
    ended_at timestamptz,
    duration_s integer check (duration_s between 0 and 86400),
    cost numeric(18,4) check (cost >= 0),
    mos numeric(3,2) check (mos between 1 and 5),
    packet_loss numeric(5,4) check (packet_loss between 0 and 1),
    jitter_ms integer check (jitter_ms >= 0),
    disconnect_by text,
    failure_code text,
    recorded boolean,
    recording_uri text,
    ip inet,
    supersedes smallint,
    delivery_id text,
    payload jsonb,
    schema_version smallint not null default 1,
    primary key (call_sid, seq, event_time),
    constraint call_events_routed_to check
        (kind <> 'routed' or (winning_bid_id is not null
         and buyer_id <> '00000000-0000-0000-0000-000000000000')),
    constraint call_events_completed_lasts check (kind <> 'completed' or duration_s is not null),
    constraint call_events_correction_names check
        ((kind = 'corrected') = (supersedes is not null)),
    constraint call_events_times check
        (started_at <= connected_at and connected_at <= ended_at)
);
-- Q8: everything about a phone number.
create index call_events_by_phone on call_events (phone_hmac, event_time)
    where phone_hmac is not null;
-- The seller's and the buyer's own events, newest first.
create index call_events_by_seller on call_events (seller_id, event_time);
create index call_events_by_buyer on call_events (buyer_id, event_time);
comment on table call_events is 'The life of a call, event by event';
comment on column call_events.seq is 'Counts the events of a call; the webhooks come in any order';
comment on column call_events.buyer_id is 'Nil until the call is sold; then the buyer sees it too';
comment on column call_events.phone_hmac is
    'Keyed hash of the consumer''s number; a plain hash could be turned back';
comment on column call_events.connected_at is
    'On the event that ends a call: whether it was ever connected';
comment on column call_events.supersedes is 'A correction names the seq that it corrects';

create table bid_events (
    bid_id uuid not null,
    rev smallint not null check (rev between 1 and 60),
    event_time timestamptz not null,
    recorded_at timestamptz not null default now(),
    kind bid_kind not null,
    auction_id uuid not null,
    call_id uuid not null,
    buyer_id uuid not null,
    seller_id uuid not null default '00000000-0000-0000-0000-000000000000',
    campaign_id uuid,
    amount numeric(18,4) not null check (amount between 0.01 and 1000),
    price_unit price_unit not null default 'per_call',
    max_amount numeric(18,4) check (max_amount >= amount),
    auto boolean not null default false,
    priority smallint,
    received bigint not null default 0,
    expires_at timestamptz,
    prev_amount numeric(18,4),
    loss_reason text,
    competing_bids integer,
    place smallint not null default 0 check (place >= 0),
    bid_at timestamptz,
    idempotency_key text not null default '',
    primary key (bid_id, rev, event_time),
    constraint bid_events_expiry check
        (expires_at > event_time and expires_at <= event_time + interval '24 hours'
         or kind not in ('placed', 'modified')),
    constraint bid_events_end_is_placed check
        (kind not in ('won', 'lost') or (place > 0 and bid_at is not null
         and seller_id <> '00000000-0000-0000-0000-000000000000'))
);
create index bid_events_by_auction on bid_events (auction_id, event_time);
create index bid_events_by_buyer on bid_events (buyer_id, event_time);
comment on table bid_events is 'What became of each bid; a bidder sees its own';
comment on column bid_events.seller_id is
    'Nil until the platform ends the bid: never taken from the bidder';
comment on column bid_events.received is
    'The order in which bids came in; breaks ties, not the client''s clock';
comment on column bid_events.place is 'Among the qualified of the auction, told with won and lost';

create table auction_events (
    auction_id uuid not null,
    rev smallint not null check (rev between 1 and 60),
    event_time timestamptz not null,
    recorded_at timestamptz not null default now(),
    kind auction_kind not null,
    call_id uuid not null,
    seller_id uuid not null,
    type auction_type not null default 'second_price',
    vertical text not null default '',
    geo text not null default '',
    reserve_price numeric(18,4) not null default 0 check (reserve_price >= 0),
    closes_at timestamptz,
    total_bids integer check (total_bids >= 0),
    qualified_bids integer check (qualified_bids between 0 and total_bids),
    reserve_met boolean,
    winning_bid_id uuid,
    clearing_price numeric(18,4),
    rule text default 'amount and rating',
    rule_version smallint default 1,
    primary key (auction_id, rev, event_time),
    constraint auction_events_winner_pays check
        ((winning_bid_id is null) = (clearing_price is null) and clearing_price >= reserve_price),
    constraint auction_events_winner_at_close check (winning_bid_id is null or kind = 'closed'),
    constraint auction_events_rule_at_close check
        (kind <> 'closed' or (rule is not null and rule_version is not null))
);
create index auction_events_by_seller on auction_events (seller_id, event_time);
comment on table auction_events is 'The life of an auction; its seller sees it';
comment on column auction_events.rule is
    'Which rule found the winner, so that a replay finds the same';

create table call_quality (
    call_id uuid not null,
    leg smallint not null check (leg >= 0),
    sample_no integer not null check (sample_no >= 0),
    event_time timestamptz not null,
    recorded_at timestamptz not null default now(),
    seller_id uuid not null,
    buyer_id uuid not null default '00000000-0000-0000-0000-000000000000',
    latency_ms integer check (latency_ms >= 0),
    packet_loss numeric(5,4) check (packet_loss between 0 and 1),
    jitter_ms integer check (jitter_ms >= 0),
    mos numeric(3,2) not null check (mos between 1 and 5),
    primary key (call_id, leg, sample_no, event_time)
);

create table outcomes (
    call_id uuid not null,
    outcome_no smallint not null check (outcome_no between 1 and 60),
    event_time timestamptz not null,
    recorded_at timestamptz not null default now(),
    buyer_id uuid not null,
    seller_id uuid not null default '00000000-0000-0000-0000-000000000000',
    called_at timestamptz,
    converted boolean not null,
    revenue numeric(18,4) not null default 0 check (revenue >= 0),
    disposition text,
    primary key (call_id, outcome_no, event_time)
);
create index outcomes_by_buyer on outcomes (buyer_id, event_time);
comment on column outcomes.outcome_no is 'A higher one supersedes';

-- One auction per call, one winner per auction; closing is compare-and-set on status.
create type auction_status as enum
    ('pending', 'active', 'completed', 'canceled', 'expired', 'no_bids');
create table auctions (
    id uuid primary key,
    call_id uuid not null unique,
    seller_id uuid not null references accounts on delete restrict,
    type auction_type not null default 'second_price',
    status auction_status not null default 'active',
    vertical text not null default '',
    geo text not null default '',
    reserve_price numeric(18,4) not null default 0 check (reserve_price >= 0),
    bid_increment numeric(18,4) not null default 0.01 check (bid_increment > 0),
    price_unit price_unit not null default 'per_call',
    opened_at timestamptz not null,
    closes_at timestamptz not null,
    winning_bid_id uuid unique,
    clearing_price numeric(18,4),
    closing jsonb,
    version integer not null default 0 check (version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint auctions_open_for_a_while check
        (closes_at > opened_at and closes_at <= opened_at + interval '5 minutes'),
    constraint auctions_completed_has_winner check
        ((status = 'completed') = (winning_bid_id is not null)),
    constraint auctions_winner_pays check
        ((winning_bid_id is null) = (clearing_price is null) and clearing_price >= reserve_price),
    constraint auctions_end_has_result check
        ((status in ('pending', 'active')) = (closing is null))
);
create index auctions_by_seller on auctions (seller_id, opened_at);
-- What is to be closed next: small whatever the history.
create index auctions_due on auctions (closes_at) where status = 'active';
create trigger compare_and_set before update on auctions
    for each row execute function compare_and_set();
comment on column auctions.closing is 'The events of closing: every further closer gets the same';

-- A call goes to one buyer: who inserts first has routed it.
create table call_routes (
    call_id uuid primary key,
    call_sid text not null unique,
    seller_id uuid not null references accounts on delete restrict,
    buyer_id uuid not null references accounts on delete restrict,
    winning_bid_id uuid not null unique,
    checks jsonb not null check (jsonb_typeof(checks) = 'array'),
    routed_at timestamptz not null
);
create index call_routes_by_seller on call_routes (seller_id, routed_at);
create index call_routes_by_buyer on call_routes (buyer_id, routed_at);
comment on table call_routes is
    'Which call was cleared for which buyer; a call that is not in it cannot be routed';
comment on column call_routes.checks is
    'The checks that allowed it, with the version of their rules';

-- What howdah keeps of calls and bids; it adds its columns, these are for the indexes and ours.
create table call_state (
    call_id uuid primary key,
    seller_id uuid,
    buyer_id uuid,
    started_at timestamptz
) with (fillfactor = 50);
-- Q6: the calls of a seller, or a buyer, a page at a time, newest first.
create index call_state_by_seller on call_state (seller_id, started_at, call_id);
create index call_state_by_buyer on call_state (buyer_id, started_at, call_id);

create table call_guard (
    call_sid text primary key,
    cleared boolean not null default false
) with (fillfactor = 50);
comment on column call_guard.cleared is 'Compliance let it pass: set by a row of call_routes';
create function clear_call() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, public
as $$
begin
    insert into call_guard (call_sid, cleared) values (new.call_sid, true)
    on conflict (call_sid) do update set cleared = true;
    return null;
end
$$;
revoke execute on function clear_call() from public;
create trigger clear_call after insert on call_routes
    for each row execute function clear_call();

create table bid_state (
    bid_id uuid primary key,
    auction_id uuid,
    buyer_id uuid
) with (fillfactor = 50);
-- Q1: the bids of an auction.
create index bid_state_by_auction on bid_state (auction_id);

create table buyer_slots (
    buyer_id uuid primary key,
    max_concurrent integer not null default 10 check (max_concurrent >= 0)
) with (fillfactor = 50);
comment on column buyer_slots.max_concurrent is 'Copy of account_settings.max_concurrent_calls';
create function copy_max_concurrent() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, public
as $$
begin
    insert into buyer_slots (buyer_id, max_concurrent)
    values (new.account_id, new.max_concurrent_calls)
    on conflict (buyer_id) do update set max_concurrent = excluded.max_concurrent;
    return null;
end
$$;
revoke execute on function copy_max_concurrent() from public;
create trigger copy_max_concurrent after insert or update of max_concurrent_calls
    on account_settings for each row execute function copy_max_concurrent();

-- Q10: by time alone, over all verticals and callers.
create table market_1m (
    vertical text not null,
    geo text not null,
    bucket timestamptz not null,
    primary key (vertical, geo, bucket)
) with (fillfactor = 80);
create index market_1m_by_time on market_1m (bucket);
create table market_calls_1m (
    vertical text not null,
    geo text not null,
    bucket timestamptz not null,
    primary key (vertical, geo, bucket)
) with (fillfactor = 80);
create index market_calls_1m_by_time on market_calls_1m (bucket);
create table caller_1m (
    phone_hmac text,
    bucket timestamptz not null,
    unique nulls not distinct (phone_hmac, bucket)
) with (fillfactor = 80);
create index caller_1m_by_time on caller_1m (bucket);
