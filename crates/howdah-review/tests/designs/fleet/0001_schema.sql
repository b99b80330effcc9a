create schema fleet;
create schema fleet_audit;
create extension if not exists pgcrypto;
create table fleet.organizations (
  id uuid primary key default gen_random_uuid(), name varchar(255) not null,
  retention_days int not null default 2555
);
create table fleet.users (
  id uuid primary key default gen_random_uuid(), org_id uuid not null references fleet.organizations (id),
  email varchar(255) not null unique, name varchar(100)
);
create table fleet.aircraft (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references fleet.organizations (id) on delete cascade,
  registration varchar(20) not null unique, model varchar(50), specs jsonb
);
create table fleet.flight_sessions (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references fleet.organizations (id),
  aircraft_id uuid not null references fleet.aircraft (id) on delete cascade,
  started_at timestamptz not null, ended_at timestamptz
);
create index flight_sessions_aircraft on fleet.flight_sessions (aircraft_id);
create table fleet.flight_telemetry (
  session_id uuid not null references fleet.flight_sessions (id) on delete cascade,
  timestamp timestamptz not null, altitude_m numeric, airspeed_ms numeric, payload jsonb,
  primary key (session_id, timestamp)
);
create index flight_telemetry_time on fleet.flight_telemetry (session_id, timestamp desc);
create table fleet.analysis_results (
  id uuid primary key default gen_random_uuid(), org_id uuid not null,
  session_id uuid references fleet.flight_sessions (id), confidence numeric, created_at timestamptz
);
create table fleet_audit.audit_log (
  id bigint generated always as identity primary key, org_id uuid, table_name varchar(50),
  action text, changed jsonb, at timestamptz not null default now()
);
======================================================================
create index users_org on fleet.users (org_id);
