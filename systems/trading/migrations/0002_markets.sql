-- What is traded and where. Reference data, shared by all tenants, written by the operators.

create type exchange_status as enum ('online', 'maintenance', 'offline');
create type instrument_kind as enum ('spot', 'margin', 'futures', 'perpetual');
create type instrument_status as enum ('trading', 'halted', 'delisted');
create type connection_status as enum ('active', 'disabled', 'revoked', 'error');

create table exchanges (
    code text primary key check (code ~ '^[a-z0-9_]+$'),
    name text not null,
    status exchange_status not null default 'online',
    version bigint not null default 0 check (version >= 0)
);
comment on table exchanges is 'Exchanges and their separate markets';
comment on column exchanges.code is 'The name that events carry, such as binance';

create table instruments (
    exchange text not null references exchanges on delete restrict,
    symbol text not null check (symbol <> ''),
    base text not null,
    quote text not null,
    kind instrument_kind not null,
    tick_size numeric(38,18) not null check (tick_size > 0),
    lot_size numeric(38,18) not null check (lot_size > 0),
    min_notional numeric(38,18) not null default 0 check (min_notional >= 0),
    status instrument_status not null default 'trading',
    version bigint not null default 0 check (version >= 0),
    primary key (exchange, symbol),
    check (base <> quote)
);
comment on table instruments is 'Pairs and contracts of each exchange';
comment on column instruments.tick_size is 'Every price is a multiple of it';
comment on column instruments.lot_size is 'Every quantity is a multiple of it';
comment on column instruments.min_notional is 'Smallest price times quantity of an order, in quote';

create table exchange_connections (
    tenant_id uuid not null,
    id uuid not null,
    user_id uuid not null,
    exchange text not null references exchanges on delete restrict,
    label text not null check (label <> ''),
    api_key_sealed bytea not null,
    secret_sealed bytea not null,
    passphrase_sealed bytea,
    permissions text[] not null default '{read}'
        check (permissions <@ '{read,trade,withdraw}'::text[]),
    status connection_status not null default 'active',
    last_sync_at timestamptz,
    version bigint not null default 0 check (version >= 0),
    created_at timestamptz not null default now(),
    primary key (tenant_id, id),
    unique (tenant_id, user_id, exchange, label),
    -- Lets an order prove with one foreign key that its connection is on its exchange.
    unique (tenant_id, id, exchange),
    foreign key (tenant_id, user_id) references tenant_members on delete restrict
);
comment on table exchange_connections is 'Accounts of users on exchanges';
comment on column exchange_connections.api_key_sealed is 'Encrypted by the application; write-only';
comment on column exchange_connections.secret_sealed is 'Encrypted by the application; write-only';
comment on column exchange_connections.passphrase_sealed is
    'Encrypted by the application; write-only';
