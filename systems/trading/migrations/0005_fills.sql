-- S5: executions of the tenants' orders. A plain table: howdah makes it a stream.

create type liquidity as enum ('maker', 'taker');

-- No foreign keys: each would be looked up for every event. howdah checks the tenant when it takes
-- an event in, and a fill may be known before the answer to its order.
create table fills (
    tenant_id uuid not null,
    user_id uuid not null,
    connection_id uuid not null,
    order_id uuid not null,
    exchange text not null,
    symbol text not null,
    trade_id bigint not null,
    executed_at timestamptz not null,
    side side not null,
    price numeric(38,18) not null check (price > 0),
    quantity numeric(38,18) not null check (quantity > 0),
    cost numeric not null generated always as (trim_scale(price * quantity)) stored,
    fee_amount numeric(38,18) not null default 0,
    fee_currency text not null,
    fee_quote numeric(38,18) not null default 0,
    liquidity liquidity not null,
    recorded_at timestamptz not null default now(),
    -- An order is for one symbol of one exchange, so order and trade name a fill; order first,
    -- because the fills of an order are asked for.
    primary key (tenant_id, order_id, trade_id, executed_at)
);
-- A user's fills, a page at a time, newest first: read backwards.
create index fills_by_user on fills (tenant_id, user_id, executed_at);
comment on table fills is 'Executions of orders; never updated, never deleted before their time';
comment on column fills.tenant_id is 'Checked by howdah at ingestion, not by a foreign key';
comment on column fills.connection_id is 'The account on the exchange';
comment on column fills.order_id is 'The order; may not be known here yet';
comment on column fills.trade_id is 'The exchange''s number; rises within exchange and symbol';
comment on column fills.executed_at is 'Time at the exchange';
comment on column fills.side is 'What the user did';
comment on column fills.price is 'Quote per base';
comment on column fills.quantity is 'In base';
comment on column fills.cost is 'Price times quantity in quote, exact to the last digit';
comment on column fills.fee_amount is 'In fee_currency; negative is a rebate';
comment on column fills.fee_quote is 'The fee in quote, converted at the time of the fill';
comment on column fills.recorded_at is 'When it was committed here';
