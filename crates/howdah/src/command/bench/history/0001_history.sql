-- Ten values of a flight ten times a second; eight values of a machine each second; trades.
create table telemetry (
    tenant_id uuid not null, aircraft_id integer not null, at timestamptz not null,
    x double precision, y double precision, z double precision, battery double precision,
    roll real, pitch real, yaw real, motor integer, satellites smallint, armed boolean,
    primary key (tenant_id, aircraft_id, at)
) partition by range (at);
create table telemetry_old partition of telemetry for values from ('2026-01-01') to ('2026-01-02');

create table sensors (
    tenant_id uuid not null, machine_id integer not null, at timestamptz not null,
    temperature numeric(6,2), pressure numeric(6,2), vibration double precision,
    current double precision, flow double precision, speed integer, state text, alarm boolean,
    primary key (tenant_id, machine_id, at)
) partition by range (at);
create table sensors_old partition of sensors for values from ('2026-01-01') to ('2026-01-02');

create table trades (
    tenant_id uuid not null, symbol text not null, trade_id bigint not null,
    executed_at timestamptz not null, price numeric(18,8) not null,
    quantity numeric(18,8) not null, side text not null,
    primary key (tenant_id, symbol, trade_id, executed_at)
) partition by range (executed_at);
create table trades_old partition of trades for values from ('2026-01-01') to ('2026-01-02');

-- Deposits and redeems of a contract, with the indexes that the system chain gives them.
create table stakes (
    chain_id bigint not null, address bytea not null, block_number bigint not null,
    block_hash bytea not null, block_timestamp timestamptz not null,
    transaction_hash bytea not null, transaction_index integer not null,
    log_index integer not null, kind text not null, sender bytea not null,
    account bytea not null, term_id bytea not null, curve_id text not null, day date not null,
    assets numeric(78,0) not null, assets_after_fees numeric(78,0), fees numeric(78,0),
    shares numeric(78,0) not null, total_shares numeric(78,0) not null,
    vault_type text not null, recorded_at timestamptz not null,
    primary key (chain_id, block_number, address, log_index, block_hash, block_timestamp)
) partition by range (block_timestamp);
create index stakes_of_position on stakes
    (chain_id, address, account, term_id, curve_id, block_timestamp, block_number, log_index);
create index stakes_by_account on stakes
    (chain_id, address, account, day, block_timestamp, block_number, log_index);
create index stakes_by_sender on stakes (chain_id, address, sender, day, term_id, block_timestamp)
    where sender <> account;
create table stakes_old partition of stakes for values from ('2026-01-01') to ('2026-02-01');
