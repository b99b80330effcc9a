-- What happened, one table a kind; plain tables, howdah makes them streams. Every row names its
-- organisation, and every row of a flight its session and aircraft together: a foreign key holds
-- that these three belong to each other, so no event of one organisation speaks of another.

create type telemetry_source as enum ('live', 'file');
create type flight_mode as enum
    ('UNKNOWN', 'GROUND', 'MANUAL', 'STABILIZE', 'LOITER', 'AUTO', 'GUIDED', 'TRANSITION', 'RTL',
     'LAND');
-- In the order of precedence: the status of a session is the largest kind seen, so nothing goes
-- back, and nothing leaves void.
create type session_kind as enum
    ('replaced', 'planned', 'live', 'landed', 'uploaded', 'analysed', 'void');
create type flight_event_kind as enum
    ('arm', 'takeoff', 'mode', 'transition', 'failsafe', 'geofence', 'rtl', 'land', 'disarm',
     'crash');
create type warning_severity as enum ('info', 'warning', 'critical');
create type warning_phase as enum ('raise', 'clear');
create type anomaly_category as enum
    ('motor', 'battery', 'vibration', 'control_surface', 'temperature', 'gps', 'attitude',
     'envelope');
create type maintenance_kind as enum
    ('inspection', 'task_done', 'installed', 'removed', 'defect_open', 'defect_close', 'release');
create type review_decision as enum ('confirmed', 'false_alarm', 'unclear');
create type upload_phase as enum ('received', 'parsed', 'rejected');
create type auth_kind as enum ('login', 'fail', 'lock', 'key_used', 'mfa', 'logout');

-- A sample. Operational values have no limits here: what exceeds one is evidence. What cannot be is
-- stored too, and flagged in faults; no statistic uses it.
create table telemetry (
    org_id text not null,
    session_id uuid not null,
    aircraft_id text not null,
    source telemetry_source not null,
    ts timestamptz not null,
    seq integer not null check (seq >= 0),
    declared_hz real not null default 1 check (declared_hz > 0),
    lat numeric(11,8),
    lon numeric(11,8),
    alt_m real,
    heading_deg real,
    airspeed real,
    groundspeed real,
    climb_ms real,
    pitch real,
    roll real,
    yaw real,
    motor_rpm real[] check (array_ndims(motor_rpm) = 1 and cardinality(motor_rpm) <= 8),
    motor_temp real[] check (array_ndims(motor_temp) = 1 and cardinality(motor_temp) <= 8),
    motor_current real[]
        check (array_ndims(motor_current) = 1 and cardinality(motor_current) <= 8),
    throttle_pct real,
    elevator real,
    aileron real,
    rudder real,
    flaps real,
    aoa real,
    vib_x real,
    vib_y real,
    vib_z real,
    batt_v real,
    batt_a real,
    batt_pct real,
    gps_hdop real,
    sats smallint check (sats >= 0),
    mode flight_mode,
    flags bigint not null default 0,
    motors smallint not null generated always as (coalesce(cardinality(motor_rpm), 0)) stored,
    faults smallint not null generated always as (
        case when abs(lat) > 90 then 1 else 0 end
        + case when abs(lon) > 180 then 2 else 0 end
        + case when alt_m < -500 or alt_m > 20000 then 4 else 0 end
        + case when heading_deg < 0 or heading_deg > 360 then 8 else 0 end
        + case when batt_pct < 0 then 16 else 0 end) stored,
    received_at timestamptz not null default now(),
    schema_version smallint not null default 1,
    primary key (org_id, session_id, source, ts, seq),
    foreign key (org_id, session_id, aircraft_id)
        references flight_session (org_id, session_id, aircraft_id) on delete restrict,
    -- A clock that is wrong by weeks or hours is wrong for a whole file, which is one event.
    constraint telemetry_clock check
        (ts >= uuid7_at(session_id) - interval '1 hour'
         and ts < uuid7_at(session_id) + interval '12 hours')
);
-- What an aircraft did at a time, whatever the session.
create index telemetry_by_aircraft on telemetry (org_id, aircraft_id, ts);
comment on table telemetry is 'Samples of flights, live and from files';
comment on column telemetry.source is
    'Live and file samples of a flight are two sources; which counts for a minute: sample_minutes';
comment on column telemetry.seq is 'Number of the sample in its source';
comment on column telemetry.declared_hz is 'Samples a second that the source promises';
comment on column telemetry.lat is 'Degrees north; wide enough for what cannot be';
comment on column telemetry.lon is 'Degrees east';
comment on column telemetry.alt_m is 'Above sea level, in m';
comment on column telemetry.heading_deg is 'Degrees from north, clockwise, 0 to 360';
comment on column telemetry.airspeed is 'In m/s';
comment on column telemetry.groundspeed is 'In m/s';
comment on column telemetry.climb_ms is 'Upwards, in m/s';
comment on column telemetry.pitch is 'Nose up, in degrees';
comment on column telemetry.roll is 'Right wing down, in degrees';
comment on column telemetry.yaw is 'In degrees';
comment on column telemetry.motor_rpm is 'In 1/min; a value for each motor of the aircraft';
comment on column telemetry.motor_temp is 'In degrees C; a value for each motor of the aircraft';
comment on column telemetry.motor_current is 'In A; a value for each motor of the aircraft';
comment on column telemetry.throttle_pct is 'In per cent';
comment on column telemetry.elevator is 'Deflection, in degrees';
comment on column telemetry.aileron is 'Deflection, in degrees';
comment on column telemetry.rudder is 'Deflection, in degrees';
comment on column telemetry.flaps is 'Deflection, in degrees';
comment on column telemetry.aoa is 'Angle of attack, in degrees';
comment on column telemetry.vib_x is 'In m/s2';
comment on column telemetry.vib_y is 'In m/s2';
comment on column telemetry.vib_z is 'In m/s2';
comment on column telemetry.batt_v is 'Of the whole pack, in V';
comment on column telemetry.batt_a is 'Out of the pack, in A';
comment on column telemetry.batt_pct is 'Charge left, in per cent';
comment on column telemetry.gps_hdop is 'Without unit';
comment on column telemetry.sats is 'Satellites in use';
comment on column telemetry.flags is 'Bits of the autopilot, as they came';
comment on column telemetry.motors is 'How many values motor_rpm has; 0 without';
comment on column telemetry.faults is
    'What cannot be: 1 lat, 2 lon, 4 alt_m, 8 heading_deg, 16 batt_pct';
comment on column telemetry.received_at is 'When it was committed here';

create table session_event (
    org_id text not null,
    session_id uuid not null,
    aircraft_id text not null,
    ts timestamptz not null,
    kind session_kind not null,
    day date not null,
    pilot text not null default '' check (pilot = '' or pilot like 'p-%'),
    reason text not null default '',
    author text not null default '',
    covers_from timestamptz,
    covers_to timestamptz,
    received_at timestamptz not null default now(),
    primary key (org_id, session_id, kind, ts),
    foreign key (org_id, session_id, aircraft_id)
        references flight_session (org_id, session_id, aircraft_id) on delete restrict,
    constraint session_event_day check
        (day = (uuid7_at(session_id) at time zone 'UTC')::date),
    constraint session_event_void_has_reason check
        (kind <> 'void' or (reason <> '' and author <> '')),
    constraint session_event_replaced_covers check
        ((kind = 'replaced') = (covers_from is not null and covers_to is not null)),
    constraint session_event_covers_minutes check
        (covers_from < covers_to
         and extract(second from covers_from at time zone 'UTC') = 0
         and extract(second from covers_to at time zone 'UTC') = 0)
);
comment on table session_event is 'Steps in the life of a session; its status is the largest kind';
comment on column session_event.day is 'Of its beginning, in UTC';
comment on column session_event.covers_from is
    'replaced: in these whole minutes the file counts and not what came live';

create table flight_event (
    org_id text not null,
    session_id uuid not null,
    aircraft_id text not null,
    ts timestamptz not null,
    kind flight_event_kind not null,
    detail jsonb not null default '{}' check (jsonb_typeof(detail) = 'object'),
    received_at timestamptz not null default now(),
    primary key (org_id, session_id, kind, ts),
    foreign key (org_id, session_id, aircraft_id)
        references flight_session (org_id, session_id, aircraft_id) on delete restrict
);
comment on table flight_event is 'Arm, take-off, landing and what else the autopilot tells';
comment on column flight_event.detail is
    'Of a take-off that was found in samples: {"rule": 1}, see flight_times()';

create table system_warning (
    org_id text not null,
    session_id uuid not null,
    aircraft_id text not null,
    ts timestamptz not null,
    code text not null check (code ~ '^[A-Z0-9_]{2,40}$'),
    severity warning_severity not null,
    phase warning_phase not null,
    message text not null default '',
    received_at timestamptz not null default now(),
    primary key (org_id, session_id, code, ts, phase),
    foreign key (org_id, session_id, aircraft_id)
        references flight_session (org_id, session_id, aircraft_id) on delete restrict
);
comment on table system_warning is 'What the aircraft warns of, and that it is over';

-- The sum of the values of an object, for probabilities that must be one.
create function sum_of_values(probabilities jsonb) returns numeric
    language sql immutable strict parallel safe
    return (select coalesce(sum(value::numeric), 0) from jsonb_each_text(probabilities));
comment on function sum_of_values(jsonb) is 'Of the numbers of a flat object';

create table analysis_result (
    org_id text not null,
    session_id uuid not null,
    aircraft_id text not null,
    analysis_id uuid not null check (is_uuid7(analysis_id)),
    ts timestamptz not null,
    model_type model_type not null,
    model_version text not null,
    run_no smallint not null check (run_no > 0),
    trial boolean not null default false,
    detected_type aircraft_type,
    type_probs jsonb,
    anomaly_score numeric(5,4) check (anomaly_score between 0 and 1),
    risk_score numeric(5,4) check (risk_score between 0 and 1),
    confidence numeric(5,4) check (confidence between 0 and 1),
    processing_ms integer check (processing_ms >= 0),
    top_features jsonb not null default '[]',
    report_ref text not null default '',
    approved_version text generated always as (case when not trial then model_version end) stored,
    received_at timestamptz not null default now(),
    primary key (org_id, session_id, model_type, model_version, run_no, ts),
    foreign key (org_id, session_id, aircraft_id)
        references flight_session (org_id, session_id, aircraft_id) on delete restrict,
    foreign key (model_type, model_version) references model_version on delete restrict,
    foreign key (model_type, approved_version)
        references approved_model (model_type, model_version) on delete restrict,
    constraint analysis_result_says_what_it_found check
        (case model_type when 'risk' then risk_score is not null
              when 'anomaly' then anomaly_score is not null
              else detected_type is not null and type_probs is not null end),
    constraint analysis_result_probabilities check (abs(sum_of_values(type_probs) - 1) <= 0.001)
);
-- Q5: the newest of an organisation, a page at a time.
create index analysis_result_by_time on analysis_result (org_id, ts, analysis_id);
-- The way the foreign keys look for runs of a version.
create index analysis_result_by_model on analysis_result (model_type, model_version);
create index analysis_result_by_approved on analysis_result (model_type, approved_version);
comment on table analysis_result is 'A run of a model over a session; another run is another row';
comment on column analysis_result.trial is
    'Of a version that is not approved: kept, and counted nowhere';
comment on column analysis_result.approved_version is 'For the foreign key: not a trial, approved';
comment on column analysis_result.anomaly_score is 'From 0 to 1';
comment on column analysis_result.risk_score is 'From 0 to 1; bands are in policy_version';
comment on column analysis_result.confidence is 'From 0 to 1';
comment on column analysis_result.processing_ms is 'In ms';

create table anomaly (
    org_id text not null,
    session_id uuid not null,
    aircraft_id text not null,
    analysis_id uuid not null check (is_uuid7(analysis_id)),
    ordinal smallint not null check (ordinal > 0),
    ts timestamptz not null,
    category anomaly_category not null,
    severity warning_severity not null check (severity <> 'info'),
    score numeric(5,4) not null check (score between 0 and 1),
    message text not null default '',
    received_at timestamptz not null default now(),
    primary key (org_id, analysis_id, ordinal, ts),
    foreign key (org_id, session_id, aircraft_id)
        references flight_session (org_id, session_id, aircraft_id) on delete restrict
);
create index anomaly_by_session on anomaly (org_id, session_id, ts);
comment on table anomaly is 'What a run found, and when in the flight';
comment on column anomaly.score is 'From 0 to 1';

create table exceedance (
    org_id text not null,
    session_id uuid not null,
    aircraft_id text not null,
    ts timestamptz not null,
    limit_code text not null
        check (limit_code in ('ALT_MIN', 'ALT_MAX', 'SPEED_MIN', 'SPEED_MAX', 'BANK_MAX', 'AOA_MAX',
                              'ELEVATOR_MAX', 'VIB_MAX', 'BATT_MIN', 'RPM_MIN', 'RPM_MAX',
                              'RPM_SPREAD', 'TEMP_MAX')),
    ends_at timestamptz not null,
    peak real not null,
    limit_value real not null,
    received_at timestamptz not null default now(),
    primary key (org_id, session_id, limit_code, ts),
    foreign key (org_id, session_id, aircraft_id)
        references flight_session (org_id, session_id, aircraft_id) on delete restrict,
    constraint exceedance_times check (ts <= ends_at)
);
comment on table exceedance is 'A limit was exceeded, from ts to ends_at; evidence';
comment on column exceedance.peak is 'The worst value, in the unit of the limit';
comment on column exceedance.limit_value is 'The limit that was valid, in its unit';

create table maintenance_event (
    org_id text not null,
    event_id uuid not null check (is_uuid7(event_id)),
    ts timestamptz not null,
    kind maintenance_kind not null,
    aircraft_id text not null,
    component_id text not null default '',
    task_code text not null default '',
    hours_at numeric(10,2) not null default 0 check (hours_at >= 0),
    cycles_at integer not null default 0 check (cycles_at >= 0),
    certifier text not null default '' check (certifier = '' or certifier like 'p-%'),
    remark text not null default '',
    received_at timestamptz not null default now(),
    primary key (org_id, event_id, ts),
    foreign key (org_id, aircraft_id) references aircraft on delete restrict,
    constraint maintenance_event_task check ((kind = 'task_done') = (task_code <> '')),
    constraint maintenance_event_component check
        (kind not in ('installed', 'removed') or component_id <> '')
);
create index maintenance_event_by_aircraft on maintenance_event (org_id, aircraft_id, ts);
create index maintenance_event_by_component on maintenance_event (org_id, component_id, ts)
    where component_id <> '';
comment on table maintenance_event is 'What was done to an aircraft, and who certified it';
comment on column maintenance_event.component_id is 'Empty where it is about the whole aircraft';
comment on column maintenance_event.hours_at is 'Hours in the air of the aircraft then, as written';
comment on column maintenance_event.cycles_at is 'Landings of the aircraft then, as written';
comment on column maintenance_event.certifier is 'A pseudonym of the vault';

create table review_event (
    org_id text not null,
    analysis_id uuid not null check (is_uuid7(analysis_id)),
    ts timestamptz not null,
    decision review_decision not null,
    reviewer text not null check (reviewer like 'p-%'),
    note text not null default '',
    received_at timestamptz not null default now(),
    primary key (org_id, analysis_id, ts)
);
comment on table review_event is 'What a person thinks of a result; the latest counts';
comment on column review_event.reviewer is 'A pseudonym of the vault';

create table upload_event (
    org_id text not null,
    file_id uuid not null,
    session_id uuid not null,
    ts timestamptz not null,
    phase upload_phase not null,
    day date not null,
    bytes bigint not null default 0 check (bytes between 0 and 52428800),
    rows_ok integer not null default 0 check (rows_ok >= 0),
    rows_rejected integer not null default 0 check (rows_rejected >= 0),
    rows_repeated integer not null default 0 check (rows_repeated >= 0),
    rows_backward integer not null default 0 check (rows_backward >= 0),
    reasons jsonb not null default '{}' check (jsonb_typeof(reasons) = 'object'),
    received_at timestamptz not null default now(),
    primary key (org_id, file_id, phase, ts),
    foreign key (org_id, file_id) references telemetry_file on delete restrict,
    constraint upload_event_rejection_has_reason check (phase <> 'rejected' or reasons <> '{}'),
    constraint upload_event_day check (day = (ts at time zone 'UTC')::date)
);
comment on table upload_event is 'What became of a file';
comment on column upload_event.day is 'Of the upload, in UTC';
comment on column upload_event.bytes is 'Stored by this step: of the file when received';
comment on column upload_event.rows_repeated is 'Samples that were in the file already';
comment on column upload_event.rows_backward is 'Steps back in time';
comment on column upload_event.reasons is
    'How many rows of which fault; of a file with a wrong clock the offset that is proposed';

create table api_request (
    org_id text not null,
    request_id uuid not null,
    ts timestamptz not null,
    key_id text not null,
    endpoint text not null check (endpoint like '/%'),
    method text not null check (method in ('GET', 'POST', 'PUT', 'PATCH', 'DELETE')),
    status smallint not null check (status between 100 and 599),
    ms integer not null check (ms >= 0),
    bytes_in bigint not null default 0 check (bytes_in >= 0),
    bytes_out bigint not null default 0 check (bytes_out >= 0),
    ip cidr,
    error text not null default '',
    received_at timestamptz not null default now(),
    primary key (org_id, request_id, ts),
    foreign key (org_id, key_id) references api_key on delete restrict,
    constraint api_request_id_says_its_time check
        (is_uuid7(request_id) and ts = uuid7_at(request_id)),
    constraint api_request_ip_is_truncated check
        (case family(ip) when 4 then masklen(ip) <= 24 else masklen(ip) <= 48 end)
);
create index api_request_by_key on api_request (org_id, key_id, ts);
comment on table api_request is 'Calls of programs, for billing and limits';
comment on column api_request.ms is 'In ms';
comment on column api_request.ip is 'A network, never an address';

create table auth_event (
    org_id text not null,
    event_id uuid not null,
    ts timestamptz not null,
    subject text not null check (subject <> ''),
    kind auth_kind not null,
    ip cidr,
    received_at timestamptz not null default now(),
    primary key (org_id, event_id, ts),
    constraint auth_event_id_says_its_time check (is_uuid7(event_id) and ts = uuid7_at(event_id)),
    constraint auth_event_ip_is_truncated check
        (case family(ip) when 4 then masklen(ip) <= 24 else masklen(ip) <= 48 end)
);
create index auth_event_by_subject on auth_event (org_id, subject, ts);
comment on table auth_event is 'Who came in, and who did not';
comment on column auth_event.subject is 'A user or key, by its id';

-- Traffic around: nobody's, so without an organisation.
create table position_report (
    icao24 text not null check (icao24 ~ '^[0-9A-Za-z-]{6,40}$'),
    ts timestamptz not null,
    source text not null check (source in ('adsb', 'remote_id', 'flarm')),
    lat numeric(11,8),
    lon numeric(11,8),
    baro_alt real,
    geo_alt real,
    velocity real,
    track real,
    vert_rate real,
    on_ground boolean not null default false,
    received_at timestamptz not null default now(),
    primary key (icao24, ts, source)
);
comment on table position_report is 'What other aircraft say of themselves';
comment on column position_report.lat is 'Degrees north';
comment on column position_report.lon is 'Degrees east';
comment on column position_report.baro_alt is 'By pressure, in m';
comment on column position_report.geo_alt is 'By satellites, in m';
comment on column position_report.velocity is 'Over ground, in m/s';
comment on column position_report.track is 'Degrees from north, clockwise';
comment on column position_report.vert_rate is 'Upwards, in m/s';
