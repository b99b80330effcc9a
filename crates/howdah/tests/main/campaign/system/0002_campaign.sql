-- What the campaign has beside the market: a stream without a key for requests, two streams that
-- one source fills with events of several legs, a stream whose events take others back, and one
-- that comes from a Redis without persistence.
create table orders (
    shop text not null,
    order_id bigint not null,
    at timestamptz not null,
    amount numeric(20,2) not null
);

create table transfers (
    transfer_id bigint not null,
    at timestamptz not null,
    memo text not null,
    primary key (transfer_id, at)
);

create table entries (
    transfer_id bigint not null,
    leg integer not null,
    at timestamptz not null,
    holder text not null,
    amount numeric(20,2) not null,
    primary key (transfer_id, leg, at)
);

create table readings (
    reading_id bigint not null,
    read_at timestamptz not null,
    meter text not null,
    litres numeric(20,2) not null,
    reverses_id bigint,
    primary key (reading_id, read_at)
);

create table beats (
    n bigint not null,
    at timestamptz not null,
    primary key (n, at)
);
