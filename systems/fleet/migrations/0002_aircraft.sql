-- What flies: aircraft, their limits, their parts and where these were when; sessions and files.

create type aircraft_type as enum ('fixed_wing', 'multirotor', 'vtol', 'helicopter', 'hybrid');
create type aircraft_status as enum ('active', 'maintenance', 'grounded', 'retired');
create type component_kind as enum ('battery', 'motor', 'esc', 'prop', 'gps', 'airframe', 'payload');
create type component_status as enum ('in_service', 'stored', 'watch', 'retired');
create type mission_type as enum
    ('survey', 'inspection', 'delivery', 'training', 'transport', 'test', 'other');
create type file_format as enum ('csv', 'bin', 'log', 'ulg');
create type parse_status as enum ('received', 'parsed', 'rejected');

-- "Equal" for an exclusion constraint without an extension: ranges of one text each overlap when
-- they are the same text.
create type text_range as range (subtype = text, collation = "C");
create function one_key(key text) returns text_range
    language sql immutable strict parallel safe
    return text_range(key, key, '[]');
comment on function one_key(text) is 'For exclusion constraints: overlaps exactly with itself';
create type aircraft_type_range as range (subtype = aircraft_type);

create table aircraft (
    org_id text not null references organization on delete restrict,
    aircraft_id text not null check (aircraft_id ~ '^[A-Za-z0-9-]{1,20}$'),
    serial text not null check (serial <> ''),
    call_sign text not null default '',
    type aircraft_type not null,
    motors smallint not null check (motors between 1 and 8),
    manufacturer text not null default '',
    model text not null default '',
    model_year smallint check (model_year between 1900 and 2200),
    specifications jsonb not null default '{}' check (jsonb_typeof(specifications) = 'object'),
    status aircraft_status not null default 'active',
    status_from timestamptz not null default now(),
    mtow_kg numeric(9,3) not null check (mtow_kg > 0),
    row_version integer not null default 0 check (row_version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, aircraft_id),
    constraint aircraft_motors_of_type check
        (case type when 'vtol' then motors = 5 when 'multirotor' then motors >= 4 else true end)
);
create trigger compare_and_set before update on aircraft
    for each row execute function compare_and_set();
comment on table aircraft is 'The registry; it wins over what a model detects';
comment on column aircraft.aircraft_id is 'The registration, as it stands in messages';
comment on column aircraft.motors is 'How many values motor_rpm, motor_temp, motor_current have';
comment on column aircraft.status_from is 'Since when the status holds; flights before may be filed';
comment on column aircraft.mtow_kg is 'Greatest take-off mass, in kg';

-- The limits of a type, of the platform; an aircraft may have its own.
-- What decided something stays as it was when it did: it may end, and a new one begins.
create function evidence_is_not_changed() returns trigger
    language plpgsql
    set search_path = pg_catalog
as $$
begin
    raise exception 'a row of % is not changed', tg_table_name
        using errcode = 'integrity_constraint_violation',
              hint = 'End it by its period, where it has one, and write a new one.';
end
$$;
comment on function evidence_is_not_changed() is 'For tables of which rows are only added';

create table envelope_default (
    envelope_id uuid primary key,
    type aircraft_type not null,
    valid tstzrange not null check (not isempty(valid)),
    alt_min real,
    alt_max real,
    speed_min real,
    speed_max real,
    bank_max real check (bank_max > 0),
    aoa_max real check (aoa_max > 0),
    elevator_max real check (elevator_max > 0),
    vib_max real check (vib_max > 0),
    batt_min_v real check (batt_min_v > 0),
    rpm_min real,
    rpm_max real,
    rpm_spread_max real check (rpm_spread_max > 0),
    temp_max real,
    constraint envelope_default_in_order check
        (alt_min < alt_max and speed_min < speed_max and rpm_min < rpm_max),
    constraint envelope_default_once exclude using gist
        (aircraft_type_range(type, type, '[]') with &&, valid with &&)
);
comment on table envelope_default is 'Limits of each type, for aircraft without their own';
comment on column envelope_default.valid is 'The limit that was valid at the time counts';
comment on column envelope_default.alt_min is 'Above sea level, in m';
comment on column envelope_default.alt_max is 'Above sea level, in m';
comment on column envelope_default.speed_min is 'Airspeed, in m/s';
comment on column envelope_default.speed_max is 'Airspeed or, without it, ground speed, in m/s';
comment on column envelope_default.bank_max is 'Largest roll to either side, in degrees';
comment on column envelope_default.aoa_max is 'Largest angle of attack, in degrees';
comment on column envelope_default.elevator_max is 'Largest deflection, in degrees';
comment on column envelope_default.vib_max is 'Largest RMS over 1 s of the three axes together, in m/s2';
comment on column envelope_default.batt_min_v is 'Lowest voltage of the whole pack, in V';
comment on column envelope_default.rpm_min is 'Of a motor that runs, in 1/min';
comment on column envelope_default.rpm_max is 'Of any motor, in 1/min';
comment on column envelope_default.rpm_spread_max is 'Standard deviation of the means of the motors, in 1/min';
comment on column envelope_default.temp_max is 'Of any motor, in degrees C';
insert into envelope_default
    (envelope_id, type, valid, alt_max, speed_min, speed_max, bank_max, aoa_max, elevator_max,
     vib_max, batt_min_v, rpm_min, rpm_max, rpm_spread_max, temp_max)
values
    ('00000000-0000-4000-8000-0000000000f1', 'fixed_wing', '(,)', 120, 12, 45, 60, 20, 25,
     null, 10.0, 1000, 8000, null, 90),
    ('00000000-0000-4000-8000-0000000000f2', 'multirotor', '(,)', 120, null, 25, 30, null, null,
     10, 10.5, null, null, 1000, 90),
    ('00000000-0000-4000-8000-0000000000f3', 'vtol', '(,)', 120, null, 35, 45, 20, 25,
     10, 18.0, 500, null, 1000, 90),
    ('00000000-0000-4000-8000-0000000000f4', 'helicopter', '(,)', 120, null, 30, 45, null, null,
     10, 10.5, null, null, null, 90),
    ('00000000-0000-4000-8000-0000000000f5', 'hybrid', '(,)', 120, null, 45, 45, 20, 25,
     10, 10.5, null, null, 1000, 90);

create table envelope (
    org_id text not null,
    envelope_id uuid not null,
    aircraft_id text not null,
    valid tstzrange not null check (not isempty(valid)),
    alt_min real,
    alt_max real,
    speed_min real,
    speed_max real,
    bank_max real check (bank_max > 0),
    aoa_max real check (aoa_max > 0),
    elevator_max real check (elevator_max > 0),
    vib_max real check (vib_max > 0),
    batt_min_v real check (batt_min_v > 0),
    rpm_min real,
    rpm_max real,
    rpm_spread_max real check (rpm_spread_max > 0),
    temp_max real,
    row_version integer not null default 0 check (row_version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, envelope_id),
    foreign key (org_id, aircraft_id) references aircraft on delete restrict,
    constraint envelope_in_order check
        (alt_min < alt_max and speed_min < speed_max and rpm_min < rpm_max),
    constraint envelope_once exclude using gist
        (one_key(org_id || '/' || aircraft_id) with &&, valid with &&)
);
create index envelope_by_aircraft on envelope (org_id, aircraft_id);
create trigger compare_and_set before update on envelope
    for each row execute function compare_and_set();
comment on table envelope is 'Limits of one aircraft; null leaves that of its type';
comment on column envelope.valid is 'The limit that was valid at the time counts';
comment on column envelope.alt_min is 'Above sea level, in m';
comment on column envelope.alt_max is 'Above sea level, in m';
comment on column envelope.speed_min is 'Airspeed, in m/s';
comment on column envelope.speed_max is 'Airspeed or, without it, ground speed, in m/s';
comment on column envelope.bank_max is 'Largest roll to either side, in degrees';
comment on column envelope.aoa_max is 'Largest angle of attack, in degrees';
comment on column envelope.elevator_max is 'Largest deflection, in degrees';
comment on column envelope.vib_max is 'Largest RMS over 1 s of the three axes together, in m/s2';
comment on column envelope.batt_min_v is 'Lowest voltage of the whole pack, in V';
comment on column envelope.rpm_min is 'Of a motor that runs, in 1/min';
comment on column envelope.rpm_max is 'Of any motor, in 1/min';
comment on column envelope.rpm_spread_max is 'Standard deviation of the means of the motors, in 1/min';
comment on column envelope.temp_max is 'Of any motor, in degrees C';

create table component (
    org_id text not null references organization on delete restrict,
    component_id text not null check (component_id ~ '^[A-Za-z0-9-]{1,40}$'),
    kind component_kind not null,
    serial text not null check (serial <> ''),
    part_no text not null default '',
    nominal_ah numeric(8,3) check (nominal_ah > 0),
    cells smallint check (cells between 1 and 24),
    new_ohm numeric(8,5) check (new_ohm > 0),
    life_limit_h numeric(9,2) check (life_limit_h > 0),
    life_limit_cycles integer check (life_limit_cycles > 0),
    status component_status not null default 'in_service',
    row_version integer not null default 0 check (row_version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, component_id),
    unique (org_id, kind, serial),
    constraint component_pack_is_declared check
        (kind <> 'battery' or (nominal_ah is not null and cells is not null))
);
create trigger compare_and_set before update on component
    for each row execute function compare_and_set();
comment on table component is 'Parts with a life of their own';
comment on column component.component_id is 'As it stands in messages';
comment on column component.nominal_ah is 'Capacity of a new pack, in Ah';
comment on column component.cells is 'Cells in series';
comment on column component.new_ohm is 'Resistance of the new pack, in ohm';
comment on column component.life_limit_h is 'In hours in the air';
comment on column component.life_limit_cycles is 'In landings';

-- Where a part was when. A corrected date moves hours from one to another; nothing is stored twice.
create table installation (
    org_id text not null,
    installation_id uuid not null,
    component_id text not null,
    aircraft_id text not null,
    position text not null check (position ~ '^[a-z0-9-]{1,30}$'),
    period tstzrange not null
        check (not isempty(period) and lower_inc(period) and not upper_inc(period)),
    row_version integer not null default 0 check (row_version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, installation_id),
    foreign key (org_id, component_id) references component on delete restrict,
    foreign key (org_id, aircraft_id) references aircraft on delete restrict,
    constraint installation_one_aircraft exclude using gist
        (one_key(org_id || '/' || component_id) with &&, period with &&),
    constraint installation_one_component exclude using gist
        (one_key(org_id || '/' || aircraft_id || '/' || position) with &&, period with &&)
);
create index installation_by_component on installation (org_id, component_id);
create index installation_by_aircraft on installation (org_id, aircraft_id);
create trigger compare_and_set before update on installation
    for each row execute function compare_and_set();
comment on table installation is
    'A part is in one aircraft at a time, and a position holds one part';
comment on column installation.period is 'From its beginning to before its end';

create table maintenance_task (
    org_id text not null,
    aircraft_id text not null,
    task_code text not null check (task_code ~ '^[A-Z0-9-]{1,30}$'),
    title text not null default '',
    interval_h numeric(9,2) check (interval_h > 0),
    interval_cycles integer check (interval_cycles > 0),
    interval_days integer check (interval_days > 0),
    starts_at timestamptz not null,
    row_version integer not null default 0 check (row_version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, aircraft_id, task_code),
    foreign key (org_id, aircraft_id) references aircraft on delete restrict,
    constraint maintenance_task_has_interval check
        (coalesce(interval_h, interval_cycles, interval_days) is not null)
);
create trigger compare_and_set before update on maintenance_task
    for each row execute function compare_and_set();
comment on table maintenance_task is
    'What is to be done again and again; done and due follow from events, view due_list';
comment on column maintenance_task.interval_h is 'Hours in the air';
comment on column maintenance_task.interval_cycles is 'Landings';
comment on column maintenance_task.interval_days is 'Days';
comment on column maintenance_task.starts_at is 'Counts as done then, until it is';

create table defect (
    org_id text not null,
    defect_id uuid not null,
    aircraft_id text not null,
    reported_at timestamptz not null,
    description text not null check (description <> ''),
    severity text not null check (severity in ('minor', 'major', 'hazardous')),
    deferred_until timestamptz check (deferred_until > reported_at),
    closed_at timestamptz check (closed_at > reported_at),
    work_order text not null default '',
    row_version integer not null default 0 check (row_version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, defect_id),
    foreign key (org_id, aircraft_id) references aircraft on delete restrict
);
create index defect_by_aircraft on defect (org_id, aircraft_id, reported_at);
create trigger compare_and_set before update on defect
    for each row execute function compare_and_set();
comment on table defect is 'What was found wrong, until it is closed';

create table flight_session (
    org_id text not null,
    session_id uuid not null check (is_uuid7(session_id)),
    aircraft_id text not null,
    pilot text not null default '' check (pilot = '' or pilot like 'p-%'),
    flight_no text not null default '',
    mission mission_type not null default 'other',
    planned tstzrange not null check (not isempty(planned)),
    takeoff_at timestamptz,
    landing_at timestamptz,
    dep_lat numeric(10,8) check (dep_lat between -90 and 90),
    dep_lon numeric(11,8) check (dep_lon between -180 and 180),
    arr_lat numeric(10,8) check (arr_lat between -90 and 90),
    arr_lon numeric(11,8) check (arr_lon between -180 and 180),
    voided_at timestamptz,
    void_reason text not null default '',
    row_version integer not null default 0 check (row_version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, session_id),
    unique (org_id, session_id, aircraft_id),
    foreign key (org_id, aircraft_id) references aircraft on delete restrict,
    constraint flight_session_times check (takeoff_at < landing_at),
    constraint flight_session_lands_after_takeoff check
        (landing_at is null or takeoff_at is not null),
    constraint flight_session_void_has_reason check ((voided_at is null) = (void_reason = '')),
    constraint flight_session_begins_in_its_plan check (uuid7_at(session_id) <@ planned),
    constraint flight_session_one_in_the_air exclude using gist
        (one_key(org_id || '/' || aircraft_id) with &&, tstzrange(takeoff_at, landing_at) with &&)
        where (voided_at is null and takeoff_at is not null)
);
create index flight_session_by_aircraft on flight_session (org_id, aircraft_id, session_id);
create trigger compare_and_set before update on flight_session
    for each row execute function compare_and_set();
comment on table flight_session is
    'A flight as such; its status follows from session_event, its times from flight_event';
comment on column flight_session.session_id is 'Holds the time at which the session begins';
comment on column flight_session.pilot is 'A pseudonym of the vault; empty when unknown';
comment on column flight_session.takeoff_at is
    'With landing_at: reserves the aircraft, two overlapping flights are refused';
comment on column flight_session.dep_lat is 'Degrees north';
comment on column flight_session.dep_lon is 'Degrees east';
comment on column flight_session.arr_lat is 'Degrees north';
comment on column flight_session.arr_lon is 'Degrees east';

-- A grounded aircraft starts no flight. Whoever grounds it waits for sessions that are being made,
-- and they for the grounding.
create function aircraft_may_fly() returns trigger
    language plpgsql
    set search_path = pg_catalog, public
as $$
declare
    known record;
begin
    select status, status_from into known from aircraft
    where org_id = new.org_id and aircraft_id = new.aircraft_id for share;
    if known.status <> 'active' and lower(new.planned) >= known.status_from then
        raise exception 'the aircraft is not to fly'
            using errcode = 'check_violation',
                  detail = format('Its status is %s.', known.status),
                  hint = 'Release it first.';
    end if;
    return new;
end
$$;
comment on function aircraft_may_fly() is
    'Refuses a session of an aircraft that is not active; flights of before may be filed';
create trigger aircraft_may_fly before insert on flight_session
    for each row execute function aircraft_may_fly();

create table telemetry_file (
    org_id text not null,
    file_id uuid not null check (is_uuid7(file_id)),
    sha256 bytea not null check (octet_length(sha256) = 32),
    name text not null check (name <> ''),
    bytes integer not null check (bytes between 1 and 52428800),
    format file_format not null,
    session_id uuid not null,
    status parse_status not null default 'received',
    rows_ok integer not null default 0 check (rows_ok >= 0),
    rows_rejected integer not null default 0 check (rows_rejected >= 0),
    declared_hz numeric(7,3) check (declared_hz > 0),
    row_version integer not null default 0 check (row_version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, file_id),
    unique (org_id, sha256),
    foreign key (org_id, session_id) references flight_session on delete restrict
);
create index telemetry_file_by_session on telemetry_file (org_id, session_id);
create trigger compare_and_set before update on telemetry_file
    for each row execute function compare_and_set();
comment on table telemetry_file is 'The same file twice is one upload';
comment on column telemetry_file.bytes is 'At most 50 MiB';
comment on column telemetry_file.declared_hz is 'Samples a second, as the file says';
