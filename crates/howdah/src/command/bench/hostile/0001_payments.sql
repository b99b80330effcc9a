-- The stream of `howdah bench hostile`.
create table payments (
    id bigint not null,
    at timestamptz not null,
    account text collate "C" not null,
    amount numeric(18, 4) not null check (amount <> 0),
    primary key (id, at)
);
