create table events (
    id bigint not null,
    at timestamptz not null,
    kind text not null,
    value numeric(20, 2) not null,
    primary key (id, at)
);
