create type side as enum ('buy', 'sell');

create table desks (
    id integer primary key,
    name text not null
);
insert into desks select n, 'desk ' || n from generate_series(1, 5) n;

create table trades (
    exchange text not null,
    symbol text not null,
    trade_id bigint not null,
    executed_at timestamptz not null,
    price numeric(38,18) not null check (price > 0),
    quantity numeric(38,18) not null,
    side side not null,
    note text,
    primary key (exchange, symbol, trade_id, executed_at)
);

create table fills (
    desk_id integer not null,
    account text not null,
    fill_id bigint not null,
    executed_at timestamptz not null,
    side side not null,
    price numeric(20,8) not null check (price > 0),
    quantity numeric(20,8) not null check (quantity > 0),
    fee numeric(20,8) not null default 0,
    primary key (desk_id, fill_id, executed_at)
);

create table postings (
    desk_id integer not null,
    account text not null,
    posting_id bigint not null,
    booked_at timestamptz not null,
    amount numeric(20,2) not null,
    primary key (desk_id, posting_id, booked_at)
);
