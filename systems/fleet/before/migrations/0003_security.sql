-- Row security, audit and the archive, as reviewed: not forced, and views that go around it.
alter table dbx_aviation.aircraft_registry enable row level security;
alter table dbx_aviation.flight_sessions enable row level security;
create policy org_aircraft on dbx_aviation.aircraft_registry
    using (org_id = current_setting('app.current_org_id')::uuid);
create policy org_sessions on dbx_aviation.flight_sessions
    using (org_id = current_setting('app.current_org_id')::uuid);

create view dbx_analytics.live_flights as
select f.org_id, f.session_id, a.registration, f.departure_time
from dbx_aviation.flight_sessions f
join dbx_aviation.aircraft_registry a on a.aircraft_id = f.aircraft_id;

create table dbx_audit.audit_log (
    log_id bigint generated always as identity primary key,
    table_name text,
    record_id uuid,
    operation text,
    new_values jsonb,
    created_at timestamptz default now()
);
-- The organisation's id stands for that of the row, and what was there before is not kept.
create function dbx_audit.log_change() returns trigger
    language plpgsql
as $$
begin
    insert into dbx_audit.audit_log (table_name, record_id, operation, new_values)
    values (tg_table_name, new.org_id, tg_op, to_jsonb(new));
    return new;
end
$$;
create trigger audit_sessions after insert or update on dbx_aviation.flight_sessions
    for each row execute function dbx_audit.log_change();

create table dbx_archive.flight_sessions_archive (like dbx_aviation.flight_sessions);
create table dbx_archive.flight_telemetry_archive (like dbx_aviation.flight_telemetry);

-- Sessions go to the archive, and with their deletion go the samples, which nobody copied.
create function dbx_archive.archive_old_sessions(p_before timestamptz) returns bigint
    language plpgsql
as $$
declare
    moved bigint;
begin
    insert into dbx_archive.flight_sessions_archive
    select * from dbx_aviation.flight_sessions where departure_time < p_before;
    delete from dbx_aviation.flight_sessions where departure_time < p_before;
    get diagnostics moved = row_count;
    return moved;
end
$$;
