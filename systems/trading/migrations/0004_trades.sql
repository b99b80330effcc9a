-- S1: trades of the markets, shared by all tenants. A plain table: howdah makes it a stream.

create table trades (
    exchange text not null,
    symbol text not null,
    trade_id bigint not null,
    executed_at timestamptz not null,
    price numeric(38,18) not null check (price > 0),
    quantity numeric(38,18) not null check (quantity > 0),
    cost numeric not null generated always as (trim_scale(price * quantity)) stored,
    side side not null,
    recorded_at timestamptz not null default now(),
    primary key (exchange, symbol, trade_id, executed_at)
);
comment on table trades is 'Every trade of every market, as the exchanges report it';
comment on column trades.exchange is 'Code of the exchange; not a foreign key: ingestion is hot';
comment on column trades.symbol is 'Pair or contract in the exchange''s catalogue';
comment on column trades.trade_id is 'The exchange''s number; rises within exchange and symbol';
comment on column trades.executed_at is 'Time at the exchange';
comment on column trades.price is 'Quote per base';
comment on column trades.quantity is 'In base';
comment on column trades.cost is 'Price times quantity in quote, exact to the last digit';
comment on column trades.side is 'What the taker did';
comment on column trades.recorded_at is 'When it was committed here';
