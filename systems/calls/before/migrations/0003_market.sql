-- Auctions and bids, billing, checks.

create table bidding.auctions (
    id uuid primary key,
    call_id uuid not null,
    seller_id uuid not null,
    status text not null,
    reserve_price numeric(18,4) not null default 0,
    winning_bid_id uuid,
    clearing_price numeric(18,4),
    end_time timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index auctions_call on bidding.auctions (call_id);
create index auctions_seller on bidding.auctions (seller_id, created_at desc);
create index auctions_status on bidding.auctions (status);
create index auctions_end on bidding.auctions (end_time) where status = 'opened';
create trigger touch before update on bidding.auctions
    for each row execute function core.touch_updated_at();
create trigger audit after insert or update or delete on bidding.auctions
    for each row execute function audit.log_change();

create table bidding.bids (
    id uuid primary key,
    auction_id uuid not null,
    call_id uuid not null,
    buyer_id uuid not null,
    seller_id uuid,
    amount numeric(18,4) not null,
    status text not null default 'placed',
    rank integer,
    placed_at timestamptz not null,
    expires_at timestamptz,
    criteria jsonb not null default '{}',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index bids_auction on bidding.bids (auction_id);
create index bids_auction_amount on bidding.bids (auction_id, amount desc);
create index bids_call on bidding.bids (call_id);
create index bids_call_status on bidding.bids (call_id, status);
create index bids_buyer on bidding.bids (buyer_id);
create index bids_buyer_status on bidding.bids (buyer_id, status);
create index bids_buyer_placed on bidding.bids (buyer_id, placed_at desc);
create index bids_status on bidding.bids (status);
create index bids_placed on bidding.bids (placed_at desc);
create index bids_amount on bidding.bids (amount desc);
create index bids_expires on bidding.bids (expires_at) where status = 'placed';
create index bids_criteria on bidding.bids using gin (criteria);
create trigger touch before update on bidding.bids
    for each row execute function core.touch_updated_at();
create trigger audit after insert or update or delete on bidding.bids
    for each row execute function audit.log_change();

create table billing.transactions (
    id uuid not null default gen_random_uuid(),
    txn_id uuid not null,
    account_id uuid not null,
    call_id uuid,
    transaction_type text not null,
    amount numeric(18,4) not null,
    balance_before numeric(18,4),
    balance_after numeric(18,4),
    description text,
    metadata jsonb not null default '{}',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    transaction_time timestamptz not null,
    primary key (id, transaction_time)
) partition by range (transaction_time);
create index transactions_account on billing.transactions (account_id);
create index transactions_account_time on billing.transactions (account_id, transaction_time desc);
create index transactions_account_type on billing.transactions (account_id, transaction_type);
create index transactions_call on billing.transactions (call_id);
create index transactions_type on billing.transactions (transaction_type);
create index transactions_time on billing.transactions (transaction_time desc);
create index transactions_txn on billing.transactions (txn_id);
create index transactions_amount on billing.transactions (amount);
create index transactions_created on billing.transactions (created_at desc);
create index transactions_metadata on billing.transactions using gin (metadata);

-- Finding 13: the balance by a trigger before each row.
create function billing.apply_transaction() returns trigger language plpgsql as $$
declare
    now_is numeric;
    kind text;
begin
    select balance, account_type into now_is, kind
    from core.accounts where id = new.account_id for update;
    if not found then
        raise exception 'account not found';
    end if;
    new.balance_before := now_is;
    new.balance_after := now_is + new.amount;
    if new.balance_after < 0 then
        raise exception 'insufficient balance';
    end if;
    update core.accounts set balance = new.balance_after
    where id = new.account_id and account_type = kind;
    return new;
end
$$;
create trigger balance before insert on billing.transactions
    for each row execute function billing.apply_transaction();
create trigger touch before update on billing.transactions
    for each row execute function core.touch_updated_at();
create trigger audit after insert or update or delete on billing.transactions
    for each row execute function audit.log_change();

create table compliance.checks (
    id uuid primary key default gen_random_uuid(),
    call_id uuid not null,
    check_type text not null,
    phone_hash text,
    result text not null,
    details jsonb not null default '{}',
    checked_at timestamptz not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index checks_call on compliance.checks (call_id);
create index checks_phone on compliance.checks (phone_hash);
create index checks_type on compliance.checks (check_type, checked_at desc);
create index checks_result on compliance.checks (result);
create index checks_time on compliance.checks (checked_at desc);
create trigger touch before update on compliance.checks
    for each row execute function core.touch_updated_at();
create trigger audit after insert or update or delete on compliance.checks
    for each row execute function audit.log_change();

create table compliance.fraud_scores (
    id uuid primary key default gen_random_uuid(),
    subject_kind text not null,
    subject_id text not null,
    score numeric(5,4) not null,
    model text not null,
    scored_at timestamptz not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index fraud_scores_subject on compliance.fraud_scores (subject_kind, subject_id);
create index fraud_scores_score on compliance.fraud_scores (score desc);
create index fraud_scores_time on compliance.fraud_scores (scored_at desc);
create trigger touch before update on compliance.fraud_scores
    for each row execute function core.touch_updated_at();
create trigger audit after insert or update or delete on compliance.fraud_scores
    for each row execute function audit.log_change();

-- Partitions of one hour, from the first to the last event that will be loaded.
create function core.make_partitions(first timestamptz, last timestamptz) returns integer
    language plpgsql as $$
declare
    lower timestamptz := date_trunc('hour', first at time zone 'utc') at time zone 'utc';
    made integer := 0;
    one text;
begin
    while lower <= last loop
        foreach one in array array['core.call_events', 'billing.transactions'] loop
            execute format('create table if not exists %s_%s partition of %s for values from (%L) to (%L)',
                one, to_char(lower at time zone 'utc', 'YYYYMMDDHH24'), one,
                lower, lower + interval '1 hour');
        end loop;
        made := made + 2;
        lower := lower + interval '1 hour';
    end loop;
    return made;
end
$$;
