create type core.account_type as enum ('buyer', 'seller', 'network');

-- The key lacks the column that the table is partitioned by.
create table core.accounts (
  id uuid not null default gen_random_uuid(),
  account_type core.account_type not null,
  name varchar(200) not null,
  email varchar(255) not null,
  balance numeric(15, 4) not null default 0,
  settings jsonb not null default '{}',
  created_at timestamptz not null default now(),
  primary key (id),
  unique (email)
) partition by list (account_type);

create table core.accounts_buyer partition of core.accounts for values in ('buyer');

create table core.campaigns (
  id uuid primary key default gen_random_uuid(),
  name varchar(100) not null,
  buyer_id uuid not null,
  started_at timestamptz not null default now()
);

create table core.calls (
  id uuid primary key default gen_random_uuid(),
  campaign_id uuid not null references core.campaigns (id),
  buyer_id uuid,
  seller_id uuid,
  from_number text not null,
  to_number text not null,
  status varchar(20) not null,
  duration_seconds int,
  cost numeric(10, 4),
  metadata jsonb,
  started_at timestamptz not null,
  ended_at timestamptz
);
create index calls_started on core.calls (started_at desc);
create index calls_campaign_started on core.calls (campaign_id, started_at desc);
create index calls_buyer on core.calls (buyer_id);
create index calls_seller on core.calls (seller_id);
create index calls_status on core.calls (status);
create index calls_from on core.calls (from_number);
create index calls_to on core.calls (to_number);
create index calls_metadata on core.calls using gin (metadata);
create index calls_cost on core.calls (cost);
create index calls_ended on core.calls (ended_at);
create index calls_duration on core.calls (duration_seconds);
create index calls_begin on core.calls (started_at desc);

create table core.transactions (
  id uuid primary key default gen_random_uuid(),
  account_id uuid not null references core.accounts (id),
  amount numeric(15, 4) not null,
  created_at timestamptz not null default now()
);
