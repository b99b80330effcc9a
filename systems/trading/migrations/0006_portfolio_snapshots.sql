-- S10: what a user's portfolio was worth, hourly. A plain table: howdah makes it a stream.

create table portfolio_snapshots (
    tenant_id uuid not null,
    user_id uuid not null,
    taken_at timestamptz not null,
    rev integer not null default 0 check (rev >= 0),
    total_value numeric(38,18) not null,
    cash numeric(38,18) not null,
    positions_value numeric(38,18) not null,
    unrealised numeric(38,18) not null,
    net_flow numeric(38,18) not null default 0,
    recorded_at timestamptz not null default now(),
    primary key (tenant_id, user_id, taken_at, rev)
);
comment on table portfolio_snapshots is 'Hourly worth of each user''s portfolio';
comment on column portfolio_snapshots.tenant_id is
    'Checked by howdah at ingestion, not by a foreign key';
comment on column portfolio_snapshots.taken_at is 'The hour it stands for';
comment on column portfolio_snapshots.rev is
    'Rises when late fills make the hour be computed again';
comment on column portfolio_snapshots.total_value is
    'Cash and positions, in the account''s currency';
comment on column portfolio_snapshots.positions_value is 'Positions at market prices';
comment on column portfolio_snapshots.unrealised is 'Profit of the open positions';
comment on column portfolio_snapshots.net_flow is
    'Deposits less withdrawals since the snapshot before';
comment on column portfolio_snapshots.recorded_at is 'When it was committed here';
