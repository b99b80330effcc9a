-- The streams of `howdah bench ingest`: one a case, all alike.
create table trades_1 (
    tenant_id uuid not null,
    exchange text not null,
    symbol text not null,
    trade_id bigint not null,
    executed_at timestamptz not null,
    price numeric(38, 18) not null,
    quantity numeric(38, 18) not null,
    side text not null,
    primary key (tenant_id, exchange, symbol, trade_id, executed_at)
);
create table trades_3 (like trades_1 including all);
create table trades_6 (like trades_1 including all);
create table trades_live (like trades_1 including all);
