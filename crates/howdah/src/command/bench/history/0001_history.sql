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
