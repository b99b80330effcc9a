-- Organisations, aircraft and flights as the reviewed design has them.
create schema dbx_aviation;
create schema dbx_analytics;
create schema dbx_audit;
create schema dbx_archive;

create table dbx_aviation.organizations (
    org_id uuid primary key default gen_random_uuid(),
    org_code varchar(50) not null unique,
    name varchar(255) not null,
    org_type varchar(50),
    subscription_tier varchar(50) default 'basic',
    data_retention_days integer default 365,
    is_active boolean default true,
    created_at timestamptz default now(),
    updated_at timestamptz default now()
);

create table dbx_aviation.aircraft_registry (
    aircraft_id uuid primary key default gen_random_uuid(),
    org_id uuid not null references dbx_aviation.organizations on delete cascade,
    registration varchar(20) not null,
    aircraft_type varchar(50) not null,
    specifications jsonb default '{}',
    total_flight_hours numeric(10,2) default 0,
    total_cycles integer default 0,
    next_maintenance_due date,
    operational_status varchar(50) default 'active',
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    unique (org_id, registration)
);
create index on dbx_aviation.aircraft_registry (org_id);
create index on dbx_aviation.aircraft_registry (org_id, registration);
create index on dbx_aviation.aircraft_registry using gin (specifications);

-- The aircraft may be one of another organisation: foreign keys do not see row security.
create table dbx_aviation.flight_sessions (
    session_id uuid primary key default gen_random_uuid(),
    org_id uuid not null references dbx_aviation.organizations on delete cascade,
    aircraft_id uuid not null references dbx_aviation.aircraft_registry on delete cascade,
    pilot_id varchar(100),
    departure_time timestamptz,
    arrival_time timestamptz,
    flight_duration interval,
    session_status varchar(50) default 'active',
    data_quality_score numeric(3,2) check (data_quality_score between 0 and 1),
    created_at timestamptz default now(),
    updated_at timestamptz default now()
);
create index on dbx_aviation.flight_sessions (org_id);
create index on dbx_aviation.flight_sessions (aircraft_id);
create index on dbx_aviation.flight_sessions (session_status);

-- One table for all samples: no partitions, no organisation, hard limits as the review wants them.
create table dbx_aviation.flight_telemetry (
    session_id uuid not null references dbx_aviation.flight_sessions on delete cascade,
    "timestamp" timestamptz not null,
    latitude numeric(10,8),
    longitude numeric(11,8),
    altitude_m real,
    airspeed_ms real,
    groundspeed_ms real,
    motor_rpm jsonb,
    vibration jsonb,
    battery_voltage real,
    battery_current real,
    primary key (session_id, "timestamp"),
    constraint check_altitude_range check (altitude_m between -500 and 20000),
    constraint check_speed_range check (airspeed_ms between 0 and 200)
);
create index on dbx_aviation.flight_telemetry ("timestamp", session_id);
create index on dbx_aviation.flight_telemetry using brin (session_id);
