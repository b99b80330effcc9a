-- Money: a ledger of legs, what it makes of each account, and the papers about it.

create type bucket as enum ('posted', 'held');
create type ledger_kind as enum
    ('deposit', 'charge', 'credit', 'refund', 'transfer', 'hold', 'hold_release', 'capture',
     'payout', 'chargeback', 'fee', 'adjustment');

-- One row is one leg; the legs of a transaction come as one event and stand or fall together.
create table ledger (
    txn_id uuid not null,
    account text not null check (account ~ '^([0-9a-f-]{36}|(platform|memo):[a-z_]+)$'),
    bucket bucket not null,
    event_time timestamptz not null,
    recorded_at timestamptz not null default now(),
    amount numeric(18,4) not null check (amount <> 0),
    currency char(3) not null default 'USD' check (currency = 'USD'),
    kind ledger_kind not null,
    idempotency_key text not null check (idempotency_key <> ''),
    hold_id uuid not null default '00000000-0000-0000-0000-000000000000',
    call_id uuid not null default '00000000-0000-0000-0000-000000000000',
    campaign_id uuid not null default '00000000-0000-0000-0000-000000000000',
    budget_day date not null default 'epoch',
    seller_id uuid not null default '00000000-0000-0000-0000-000000000000',
    buyer_id uuid not null default '00000000-0000-0000-0000-000000000000',
    expires_at timestamptz,
    reference_type text,
    reference_id text,
    reverses_txn_id uuid,
    actor text,
    primary key (txn_id, account, bucket, event_time),
    -- One live charge per call, one hold per bid, one deposit per payment: the name says which.
    constraint ledger_hold_key check
        (kind <> 'hold' or (idempotency_key = 'hold:' || hold_id and expires_at is not null)),
    constraint ledger_end_names_hold check
        (kind not in ('hold', 'hold_release', 'capture')
         or hold_id <> '00000000-0000-0000-0000-000000000000'),
    constraint ledger_charge_key check
        (kind not in ('charge', 'capture') or (idempotency_key = 'charge:' || call_id
         and call_id <> '00000000-0000-0000-0000-000000000000')),
    constraint ledger_refund_key check
        (kind <> 'refund' or (idempotency_key like 'refund:%' and reverses_txn_id is not null)),
    constraint ledger_deposit_key check (kind <> 'deposit' or idempotency_key like 'dep:%')
);
-- Q9: the statement of an account.
create index ledger_by_account on ledger (account, event_time);
comment on table ledger is 'Every movement of money, double entry; never changed, only reversed';
comment on column ledger.account is
    'The id of an account, or one of the platform''s: platform:revenue, memo:holds';
comment on column ledger.bucket is 'posted is money; held is money that is spoken for';
comment on column ledger.hold_id is 'The bid that the hold was made for; nil where there is none';
comment on column ledger.call_id is 'Nil where the money is not about a call';

-- 4.1: what an account has. howdah adds and keeps posted, held and the rest; these columns are
-- ours, and the check in howdah.toml judges debits and holds by them.
create table account_state (
    account text not null,
    currency char(3) not null,
    known boolean not null default false,
    credit_limit numeric not null default 0 check (credit_limit >= 0),
    primary key (account, currency)
) with (fillfactor = 50);
comment on column account_state.known is 'There is such an account; money for any other is refused';
comment on column account_state.credit_limit is
    'Copy of accounts.credit_limit; no limit for the platform''s own';
insert into account_state (account, currency, known, credit_limit)
select unnest(array['platform:cash', 'platform:revenue', 'platform:reserve', 'platform:fees',
                    'memo:holds']), 'USD', true, 'Infinity';

create function copy_credit_limit() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, public
as $$
begin
    insert into account_state (account, currency, known, credit_limit)
    values (new.id::text, 'USD', true, new.credit_limit)
    on conflict (account, currency)
    do update set known = true, credit_limit = excluded.credit_limit;
    return null;
end
$$;
revoke execute on function copy_credit_limit() from public;
create trigger copy_credit_limit after insert or update of credit_limit on accounts
    for each row execute function copy_credit_limit();

create type invoice_status as enum ('draft', 'pending', 'paid', 'overdue', 'canceled');
create sequence invoice_numbers;
create table invoices (
    id uuid primary key,
    account_id uuid not null references accounts on delete restrict,
    number text not null unique default 'INV-' || nextval('invoice_numbers'),
    status invoice_status not null default 'draft',
    period tstzrange not null
        check (not isempty(period) and lower_inc(period) and not upper_inc(period)),
    total numeric(18,4) not null default 0,
    version integer not null default 0 check (version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique (account_id, id)
);
create trigger compare_and_set before update on invoices
    for each row execute function compare_and_set();
comment on column invoices.number is 'From a sequence: numbers may be missing, none comes twice';
comment on column invoices.period is 'From its beginning to before its end: a cut of the ledger';

create table invoice_lines (
    account_id uuid not null,
    invoice_id uuid not null,
    ledger_txn_id uuid not null,
    type text not null check (type in ('call', 'credit', 'debit', 'adjustment', 'manual')),
    amount numeric(18,4) not null,
    primary key (invoice_id, ledger_txn_id),
    foreign key (account_id, invoice_id) references invoices (account_id, id) on delete restrict
);
create index invoice_lines_by_account on invoice_lines (account_id, invoice_id);

-- The total is the sum of the lines at commit, whoever writes either.
create function invoice_total_is_its_lines() returns trigger
    language plpgsql
    set search_path = pg_catalog, public
as $$
declare
    invoice uuid := case when tg_table_name = 'invoices' then new.id
                         else coalesce(new.invoice_id, old.invoice_id) end;
begin
    if (select total from invoices where id = invoice) is distinct from
       (select coalesce(sum(amount), 0) from invoice_lines where invoice_id = invoice) then
        raise exception 'the total of an invoice is not the sum of its lines'
            using errcode = 'check_violation';
    end if;
    return null;
end
$$;
create constraint trigger invoices_total after insert or update of total on invoices
    deferrable initially deferred for each row execute function invoice_total_is_its_lines();
create constraint trigger invoice_lines_total after insert or update or delete on invoice_lines
    deferrable initially deferred for each row execute function invoice_total_is_its_lines();

create table payment_methods (
    id uuid primary key,
    account_id uuid not null references accounts on delete restrict,
    type text not null check (type in ('card', 'bank')),
    last4 char(4) not null check (last4 ~ '^[0-9]{4}$'),
    expires_on date,
    status text not null default 'active' check (status in ('active', 'inactive', 'expired')),
    version integer not null default 0 check (version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index payment_methods_by_account on payment_methods (account_id);
create trigger compare_and_set before update on payment_methods
    for each row execute function compare_and_set();
comment on table payment_methods is 'The token is in account_secrets';

create table payouts (
    id uuid primary key,
    account_id uuid not null references accounts on delete restrict,
    idempotency_key text not null unique check (idempotency_key <> ''),
    amount numeric(18,4) not null check (amount > 0),
    status text not null default 'pending'
        check (status in ('pending', 'processing', 'completed', 'failed', 'canceled')),
    provider_reference text,
    version integer not null default 0 check (version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index payouts_by_account on payouts (account_id, created_at);
create trigger compare_and_set before update on payouts
    for each row execute function compare_and_set();

create table campaigns (
    id uuid primary key,
    buyer_id uuid not null references accounts on delete restrict,
    name text not null,
    daily_budget numeric(18,4) not null check (daily_budget >= 0),
    total_budget numeric(18,4) not null check (total_budget >= 0),
    pacing text not null default 'even' check (pacing in ('even', 'asap')),
    geo text[] not null default '{}',
    hours int4range not null default '[0,24)' check (hours <@ int4range(0, 24)),
    verticals text[] not null default '{}',
    active tstzrange not null default '[,)',
    version integer not null default 0 check (version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index campaigns_by_buyer on campaigns (buyer_id);
create trigger compare_and_set before update on campaigns
    for each row execute function compare_and_set();

-- 4.10: what a campaign has spent and holds on a day; howdah keeps spent and held and refuses the
-- hold that would go beyond the budget.
create table campaign_days (
    campaign_id uuid not null,
    budget_day date not null,
    budget numeric not null default 0 check (budget >= 0),
    primary key (campaign_id, budget_day)
) with (fillfactor = 50);
comment on column campaign_days.budget is 'Set when the day is opened; a day that is not has none';
