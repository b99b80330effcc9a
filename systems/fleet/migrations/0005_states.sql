-- What follows from the events: howdah keeps these tables, each row in the transaction of the event
-- that changes it. They are made here so that the views and the indexes of readers can name them;
-- columns that howdah computes besides, it adds by itself. The others it makes.

create table samples_1m (
    org_id text not null, session_id uuid not null, source telemetry_source not null,
    bucket timestamptz not null, n bigint not null default 0, faulty bigint not null default 0,
    alt_n bigint not null default 0, alt_min real, alt_max real, alt_sum numeric, alt_sq numeric,
    airspeed_n bigint not null default 0, airspeed_min real, airspeed_max real,
    airspeed_sum numeric, groundspeed_n bigint not null default 0, groundspeed_min real,
    groundspeed_max real, groundspeed_sum numeric, groundspeed_sq numeric,
    climb_n bigint not null default 0, climb_min real, climb_max real, climb_sum numeric,
    bank_n bigint not null default 0, bank_min real, bank_max real, bank_sum numeric,
    pitch_n bigint not null default 0, pitch_min real, pitch_max real, pitch_sum numeric,
    vib_n bigint not null default 0, vib_min double precision, vib_max double precision,
    vib_sum numeric, vib_sq numeric, temp_n bigint not null default 0, temp_min real,
    temp_max real, temp_sum numeric, batt_v_n bigint not null default 0, batt_v_min real,
    batt_v_max real, batt_v_sum numeric, batt_a_n bigint not null default 0, batt_a_min real,
    batt_a_max real, batt_a_sum numeric, batt_a_sq numeric, rpm_min real, rpm_max real,
    primary key (org_id, session_id, source, bucket)
) with (fillfactor = 80);
comment on table samples_1m is 'Samples of a session and source, by the minute';

create table seconds_1s (
    org_id text not null, session_id uuid not null, source telemetry_source not null,
    bucket timestamptz not null, n bigint not null default 0, alt_min real, alt_max real,
    speed_min real, speed_max real, bank_max real, aoa_max real, batt_min real, rpm_max real,
    temp_max real, vib_n bigint not null default 0, vib_x_sq numeric, vib_y_sq numeric,
    vib_z_sq numeric,
    primary key (org_id, session_id, source, bucket)
) with (fillfactor = 80);
comment on table seconds_1s is 'Extremes and squares of a second';

create table session_source (
    org_id text not null, session_id uuid not null, source telemetry_source not null,
    aircraft_id text, n bigint not null default 0, first_ts timestamptz, last_ts timestamptz,
    declared_hz real, last_seq integer, lat_faults bigint not null default 0,
    lon_faults bigint not null default 0, alt_faults bigint not null default 0,
    heading_faults bigint not null default 0, batt_faults bigint not null default 0,
    lat_n bigint not null default 0, lon_n bigint not null default 0,
    heading_n bigint not null default 0, batt_pct_n bigint not null default 0,
    alt_n bigint not null default 0, airspeed_n bigint not null default 0,
    groundspeed_n bigint not null default 0, throttle_n bigint not null default 0,
    elevator_n bigint not null default 0, aileron_n bigint not null default 0,
    rudder_n bigint not null default 0, pitch_n bigint not null default 0,
    roll_n bigint not null default 0, rpm_n bigint not null default 0,
    vib_x_n bigint not null default 0, vib_y_n bigint not null default 0,
    vib_z_n bigint not null default 0, batt_v_n bigint not null default 0,
    hdop_n bigint not null default 0, mode_n bigint not null default 0, batt_pct_max real,
    batt_pct_min real, rest_v real, loaded_v real, end_v real, end_v_ts timestamptz,
    end_v_seq integer,
    primary key (org_id, session_id, source)
) with (fillfactor = 50);
comment on table session_source is 'What there is of a session, by source';

create table motor_state (
    org_id text not null, session_id uuid not null, source telemetry_source not null,
    motors smallint not null, n bigint not null default 0, rpm_1 numeric, rpm_2 numeric,
    rpm_3 numeric, rpm_4 numeric, rpm_5 numeric, rpm_6 numeric, rpm_7 numeric, rpm_8 numeric,
    primary key (org_id, session_id, source, motors)
) with (fillfactor = 50);
comment on table motor_state is 'Sums of motor speeds, by the number of values';

create table aircraft_now (
    org_id text not null, aircraft_id text not null, session_id uuid, session_id_ts timestamptz,
    session_id_source telemetry_source, session_id_seq integer, session_id_session_id uuid,
    lat numeric(11,8), lon numeric(11,8), alt_m real, groundspeed real, batt_v real,
    batt_pct real, mode flight_mode, faults smallint, seen timestamptz,
    primary key (org_id, aircraft_id)
) with (fillfactor = 50);
comment on table aircraft_now is 'The newest sample of each aircraft';

create table session_state (
    org_id text not null, session_id uuid not null, aircraft_id text, pilot text, day date,
    status session_kind, voided bigint not null default 0, void_reason text,
    landed_at timestamptz, uploaded_at timestamptz,
    primary key (org_id, session_id)
) with (fillfactor = 50);
create index session_state_by_aircraft on session_state (org_id, aircraft_id, session_id);
comment on table session_state is 'Where a session stands';

create table session_covers (
    org_id text not null, session_id uuid not null, covers_from timestamptz,
    covers_to timestamptz, events bigint not null default 0,
    unique nulls not distinct (org_id, session_id, covers_from, covers_to)
) with (fillfactor = 50);
comment on table session_covers is 'Minutes in which a file stands for what came live';

create table session_legs (
    org_id text not null, session_id uuid not null, takeoffs bigint not null default 0,
    landings bigint not null default 0, flown numeric, first_takeoff timestamptz,
    last_takeoff timestamptz, last_landing timestamptz, last_takeoff_s numeric,
    arms bigint not null default 0, disarms bigint not null default 0, blocked numeric,
    first_arm timestamptz, last_disarm timestamptz, last_arm_s numeric,
    crashes bigint not null default 0,
    primary key (org_id, session_id)
) with (fillfactor = 50);
comment on table session_legs is 'Take-offs, landings and time in the air';

create table warning_state (
    org_id text not null, aircraft_id text not null, session_id uuid not null, code text not null,
    raised bigint not null default 0, cleared bigint not null default 0,
    severity warning_severity, raised_at timestamptz,
    primary key (org_id, aircraft_id, session_id, code)
) with (fillfactor = 50);
comment on table warning_state is 'Warnings raised and cleared';

create table analysis_current (
    org_id text not null, session_id uuid not null, model_type model_type not null,
    analysis_id uuid, analysis_id_ts timestamptz, analysis_id_run_no smallint,
    analysis_id_model_version text, model_version text, run_no smallint,
    detected_type aircraft_type, risk_score numeric(5,4), anomaly_score numeric(5,4),
    confidence numeric(5,4), processing_ms integer, runs bigint not null default 0,
    primary key (org_id, session_id, model_type)
) with (fillfactor = 50);
comment on table analysis_current is 'The run that counts, by session and model type';

create table anomaly_state (
    org_id text not null, session_id uuid not null, analysis_id uuid not null,
    category anomaly_category not null, anomalies bigint not null default 0,
    critical bigint not null default 0, score numeric(5,4),
    primary key (org_id, session_id, analysis_id, category)
) with (fillfactor = 50);
comment on table anomaly_state is 'Anomalies of a run, by category';

create table upload_state (
    org_id text not null, session_id uuid not null, files bigint not null default 0,
    parsed bigint not null default 0, rejected bigint not null default 0, rows_ok bigint,
    rows_rejected bigint, rows_repeated bigint, rows_backward bigint,
    primary key (org_id, session_id)
) with (fillfactor = 50);
comment on table upload_state is 'Rows of the files of a session';

create table storage (
    org_id text not null, bytes numeric, files bigint not null default 0,
    primary key (org_id)
) with (fillfactor = 50);
comment on table storage is 'What an organisation has stored';

create table task_state (
    org_id text not null, aircraft_id text not null, task_code text not null, done_at timestamptz,
    done bigint not null default 0,
    primary key (org_id, aircraft_id, task_code)
) with (fillfactor = 50);
comment on table task_state is 'When a task was last done';

create table api_usage_1m (
    org_id text not null, key_id text not null, endpoint text not null,
    bucket timestamptz not null, calls bigint not null default 0,
    errors bigint not null default 0, bytes_in numeric, bytes_out numeric, ms_sum bigint,
    ms_max integer,
    primary key (org_id, key_id, endpoint, bucket)
) with (fillfactor = 80);
comment on table api_usage_1m is 'Calls by the minute';

create table api_usage_1d (
    org_id text not null, key_id text not null, endpoint text not null,
    bucket timestamptz not null, calls bigint not null default 0,
    errors bigint not null default 0, bytes_in numeric, bytes_out numeric, ms_sum bigint,
    ms_max integer,
    primary key (org_id, key_id, endpoint, bucket)
) with (fillfactor = 80);
comment on table api_usage_1d is 'Calls by the day';

create table aircraft_hours (
    org_id text not null, aircraft_id text not null, howdah_rows bigint not null default 0,
    flights bigint not null default 0, cycles numeric not null default 0,
    airborne_s numeric not null default 0, block_s numeric not null default 0,
    primary key (org_id, aircraft_id)
) with (fillfactor = 50);
comment on table aircraft_hours is 'Hours and landings of each aircraft';

create table pilot_hours (
    org_id text not null, pilot text not null, howdah_rows bigint not null default 0,
    flights bigint not null default 0, cycles numeric not null default 0,
    airborne_s numeric not null default 0,
    primary key (org_id, pilot)
) with (fillfactor = 50);
comment on table pilot_hours is 'Hours and landings of each pilot';

create table aircraft_days (
    org_id text not null, aircraft_id text not null, day date not null,
    howdah_rows bigint not null default 0, flights bigint not null default 0,
    cycles numeric not null default 0, airborne_s numeric not null default 0,
    assessed bigint not null default 0, risk_sum numeric not null default 0,
    high_risk bigint not null default 0,
    primary key (org_id, aircraft_id, day)
) with (fillfactor = 50);
comment on table aircraft_days is 'Flights and risk of each aircraft, by the day';

create table step_state (
    org_id text not null, session_id uuid not null, source telemetry_source not null,
    steps bigint not null default 0, covered_s numeric, gaps bigint not null default 0,
    gap_excess_s numeric, discharged_as numeric, step_dv numeric, step_di numeric, km numeric,
    taxi_s numeric, transition_s numeric, climb_s numeric, descent_s numeric, cruise_s numeric,
    hover_s numeric,
    primary key (org_id, session_id, source)
) with (fillfactor = 50);
comment on table step_state is 'What lies between samples: gaps, charge, distance, phases';

-- J15: from when on an aircraft starts no flight. howdah adds and keeps the rest of the row; these
-- columns are ours, and the check in howdah.toml judges every start by them.
create table aircraft_guard (
    org_id text not null,
    aircraft_id text not null,
    grounded_from timestamptz not null default 'infinity',
    primary key (org_id, aircraft_id)
) with (fillfactor = 50);
comment on column aircraft_guard.grounded_from is 'Copy of aircraft.status_from, while not active';
create function copy_aircraft_status() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, public
as $$
begin
    insert into aircraft_guard (org_id, aircraft_id, grounded_from)
    values (new.org_id, new.aircraft_id,
            case when new.status = 'active' then 'infinity' else new.status_from end)
    on conflict (org_id, aircraft_id) do update set grounded_from = excluded.grounded_from;
    return null;
end
$$;
revoke execute on function copy_aircraft_status() from public;
create trigger copy_aircraft_status after insert or update of status, status_from on aircraft
    for each row execute function copy_aircraft_status();
