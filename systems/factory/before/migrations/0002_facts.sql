-- Facts: a run is a row that is updated while it goes on, and must have an end.

set search_path = factory_before;

create table fact_production (
    id bigserial primary key,
    equipment_id int not null references dim_equipment (id),
    product_id int not null references dim_product (id),
    operator_id varchar(30) references dim_operator (id),
    start_time timestamptz not null,
    end_time timestamptz not null,
    planned_time numeric not null,
    operating_time numeric not null,
    ideal_cycle_time_s numeric not null,
    total_parts_produced int not null default 0,
    good_parts int not null default 0,
    scrap_parts int not null default 0,
    rework_parts int not null default 0,
    check (end_time > start_time),
    check (good_parts + scrap_parts + rework_parts <= total_parts_produced)
);
create index idx_production_oee_covering on fact_production (equipment_id, start_time desc)
    include (total_parts_produced, good_parts, operating_time);
create table fact_machine_downtime (
    id bigserial primary key,
    production_id bigint references fact_production (id),
    equipment_id int not null references dim_equipment (id),
    reason_id int references dim_downtime_reason (id),
    start_time timestamptz not null,
    end_time timestamptz not null,
    duration_s numeric not null
);
create table fact_scrap (
    id bigserial primary key,
    production_id bigint references fact_production (id),
    qty int not null,
    cost numeric
);
create table fact_sensor_event (
    event_id bigint not null,
    equipment_id int not null references dim_equipment (id),
    event_ts timestamptz not null,
    parameter varchar(100) not null,
    value double precision,
    primary key (event_id, event_ts)
) partition by range (event_ts);
create table fact_sensor_event_2025_06 partition of fact_sensor_event
    for values from ('2025-06-01') to ('2025-07-01');

create table audit_log (
    id bigserial primary key,
    table_name varchar(100) not null,
    record_id varchar(100),
    action varchar(10) not null,
    before_data jsonb,
    after_data jsonb,
    changed_at timestamptz default now()
);
create index idx_audit_before on audit_log using gin (before_data);
create index idx_audit_after on audit_log using gin (after_data);
create function audit_trigger_function() returns trigger language plpgsql as $$
begin
    insert into factory_before.audit_log (table_name, record_id, action, before_data, after_data)
    values (tg_table_name,
        case when tg_op = 'DELETE' then old.id::text else new.id::text end, tg_op,
        case when tg_op <> 'INSERT' then to_jsonb(old) end,
        case when tg_op <> 'DELETE' then to_jsonb(new) end);
    return coalesce(new, old);
end
$$;
create trigger audit_fact_production after insert or update or delete on fact_production
    for each row execute function audit_trigger_function();
create trigger audit_fact_downtime after insert or update or delete on fact_machine_downtime
    for each row execute function audit_trigger_function();
create trigger audit_fact_scrap after insert or update or delete on fact_scrap
    for each row execute function audit_trigger_function();
