-- Orders as the service knows them; what the exchange did with them comes as fills.

create type side as enum ('buy', 'sell');
create type order_type as enum
    ('market', 'limit', 'stop', 'stop_loss', 'stop_loss_limit', 'take_profit',
     'take_profit_limit', 'trailing_stop');
create type time_in_force as enum ('GTC', 'IOC', 'FOK', 'PO');
create type order_status as enum
    ('pending', 'open', 'partially_filled', 'unknown', 'filled', 'canceled', 'rejected',
     'expired');

create table orders (
    tenant_id uuid not null,
    id uuid not null,
    user_id uuid not null,
    connection_id uuid not null,
    exchange text not null,
    symbol text not null,
    client_order_id text not null check (client_order_id <> ''),
    exchange_order_id text check (exchange_order_id <> ''),
    type order_type not null,
    side side not null,
    time_in_force time_in_force not null default 'GTC',
    status order_status not null default 'pending',
    price numeric(38,18) check (price > 0),
    stop_price numeric(38,18) check (stop_price > 0),
    amount numeric(38,18) not null check (amount > 0),
    filled numeric(38,18) not null default 0 check (filled >= 0),
    remaining numeric(38,18) not null check (remaining >= 0),
    cost numeric not null default 0 check (cost >= 0),
    average numeric(38,18) check (average > 0),
    reduce_only boolean not null default false,
    post_only boolean not null default false,
    bot_id uuid,
    strategy_id uuid,
    copy_of uuid,
    version bigint not null default 0 check (version >= 0),
    created_at timestamptz not null default now(),
    primary key (tenant_id, id),
    unique (tenant_id, connection_id, client_order_id),
    constraint orders_amounts_agree check (filled + remaining = amount),
    constraint orders_filled_is_whole check (status <> 'filled' or remaining = 0),
    constraint orders_limit_has_price check
        (type not in ('limit', 'stop_loss_limit', 'take_profit_limit') or price is not null),
    constraint orders_stop_has_stop_price check
        (type not in ('stop', 'stop_loss', 'stop_loss_limit', 'take_profit', 'take_profit_limit')
         or stop_price is not null),
    foreign key (tenant_id, user_id) references tenant_members on delete restrict,
    foreign key (tenant_id, connection_id, exchange)
        references exchange_connections (tenant_id, id, exchange) on delete restrict,
    foreign key (exchange, symbol) references instruments on delete restrict
);
-- Within the tenant, so that a refusal never tells that another tenant knows the id.
create unique index orders_exchange_order on orders (tenant_id, exchange, exchange_order_id)
    where exchange_order_id is not null;
-- Order history of a user, a page at a time, newest first: read backwards.
create index orders_by_user on orders (tenant_id, user_id, created_at, id);
-- Open orders of a user: small whatever the length of the history.
create index orders_open on orders (tenant_id, user_id, created_at)
    where status in ('pending', 'open', 'partially_filled', 'unknown');
comment on table orders is 'Orders of users, one row each, changed until they end';
comment on column orders.client_order_id is 'Our name for the order: sending it twice is one order';
comment on column orders.exchange_order_id is 'The exchange''s name, once it has answered';
comment on column orders.status is 'unknown: sent, and no answer came';
comment on column orders.price is 'Limit price in quote; null for market orders';
comment on column orders.amount is 'Ordered quantity in base';
comment on column orders.cost is 'Sum of the fills in quote, exact';
comment on column orders.bot_id is 'The bot that placed it; bots come with a later migration';
comment on column orders.copy_of is 'The leader''s order; may belong to another tenant, so no key';
