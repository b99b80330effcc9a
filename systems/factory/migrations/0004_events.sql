-- The streams. What is common to all: the company, the machine, the device's own time (ts), the
-- gateway, its counter (seq), how good the value is. A machine's events are ordered by (ts, seq).

create type quality as enum ('good', 'uncertain', 'bad');
create type machine_status as enum ('PRODUCING', 'SETUP', 'MINOR_STOP', 'DOWN', 'PLANNED_STOP',
    'STARVED', 'BLOCKED', 'BREAK', 'NO_ORDER', 'OFFLINE');

create table sensor_reading (
    org_id text not null references orgs on delete restrict,
    equipment_id text not null,
    parameter text not null check (parameter <> ''),
    ts timestamptz not null,
    seq bigint not null default 0,
    source text,
    quality quality not null default 'good',
    schema_version smallint not null default 1,
    value double precision not null check (value < 'Infinity' and value > '-Infinity'),
    unit text,
    primary key (org_id, equipment_id, parameter, ts, seq)
);
comment on table sensor_reading is
    'Readings; the machine is not a foreign key at this rate, orphan_readings lists strangers';

create table machine_state (
    org_id text not null,
    equipment_id text not null,
    ts timestamptz not null,
    seq bigint not null default 0,
    source text,
    schema_version smallint not null default 1,
    state machine_status not null,
    reason_code text not null default '',
    order_no text not null default '',
    product_code text not null default '',
    pseudonym text,
    voids_ts timestamptz,
    voids_seq bigint,
    correction_id uuid,
    primary key (org_id, equipment_id, ts, seq),
    foreign key (org_id, equipment_id) references equipment on delete restrict,
    check ((voids_ts is null) = (voids_seq is null)),
    check (voids_ts is null or correction_id is not null)
);
comment on table machine_state is 'A machine enters a state; it lasts until the next event';
comment on column machine_state.voids_ts is 'With voids_seq: the event that this one takes back';

create table production_count (
    org_id text not null,
    equipment_id text not null,
    counter_epoch integer not null,
    ts timestamptz not null,
    seq bigint not null default 0,
    source text,
    schema_version smallint not null default 1,
    total_cum bigint not null check (total_cum >= 0),
    good_cum bigint not null check (good_cum >= 0),
    scrap_cum bigint not null check (scrap_cum >= 0),
    rework_cum bigint not null check (rework_cum >= 0),
    product_code text not null default '',
    order_no text not null default '',
    primary key (org_id, equipment_id, counter_epoch, ts),
    foreign key (org_id, equipment_id) references equipment on delete restrict,
    check (good_cum + scrap_cum + rework_cum <= total_cum)
);
comment on table production_count is 'Cumulative counters as the control unit has them';
comment on column production_count.counter_epoch is 'Raised when the counters begin anew';

create table measurement (
    org_id text not null,
    equipment_id text not null,
    characteristic text not null check (characteristic <> ''),
    subgroup_id text not null,
    sample_no integer not null check (sample_no >= 1),
    ts timestamptz not null,
    source text,
    value double precision not null check (value < 'Infinity' and value > '-Infinity'),
    gauge_id text,
    lot text not null default '',
    primary key (org_id, equipment_id, characteristic, subgroup_id, sample_no, ts),
    foreign key (org_id, equipment_id) references equipment on delete restrict
);
create index measurement_by_lot on measurement (org_id, lot) where lot <> '';

create table inspection (
    org_id text not null,
    equipment_id text not null,
    inspection_id uuid not null,
    ts timestamptz not null,
    source text,
    kind text not null check (kind in ('first_piece', 'in_process', 'final')),
    lot text not null default '',
    serial text not null default '',
    sample_size integer not null check (sample_size > 0),
    defects integer not null check (defects >= 0),
    defect_codes text[] not null default '{}',
    inspector text,
    primary key (org_id, inspection_id, ts),
    foreign key (org_id, equipment_id) references equipment on delete restrict,
    check (defects <= sample_size)
);
create index inspection_by_lot on inspection (org_id, lot) where lot <> '';
create index inspection_by_serial on inspection (org_id, serial) where serial <> '';
create index inspection_by_equipment on inspection (org_id, equipment_id, ts);

create table scrap_event (
    org_id text not null,
    equipment_id text not null,
    event_id uuid not null,
    ts timestamptz not null,
    source text,
    product_code text not null,
    defect_code text not null,
    qty numeric(12,2) not null check (qty > 0),
    weight_kg numeric(12,3) check (weight_kg >= 0),
    unit_cost numeric(12,4) not null default 0 check (unit_cost >= 0),
    disposition text not null check (disposition in ('scrap', 'rework', 'use_as_is')),
    lot text not null default '',
    primary key (org_id, event_id, ts),
    foreign key (org_id, equipment_id) references equipment on delete restrict,
    foreign key (org_id, product_code) references products on delete restrict,
    foreign key (org_id, defect_code) references defect_types on delete restrict
);
create index scrap_event_by_lot on scrap_event (org_id, lot) where lot <> '';
create index scrap_event_by_equipment on scrap_event (org_id, equipment_id, ts);
create index scrap_event_by_product on scrap_event (org_id, product_code);
create index scrap_event_by_defect on scrap_event (org_id, defect_code);

create table stop_annotation (
    org_id text not null,
    equipment_id text not null,
    stop_start timestamptz not null,
    ts timestamptz not null,
    source text,
    reason_code text not null,
    comment text,
    pseudonym text not null,
    primary key (org_id, equipment_id, stop_start, ts),
    foreign key (org_id, equipment_id) references equipment on delete restrict,
    foreign key (org_id, reason_code) references stop_reasons on delete restrict,
    check (ts >= stop_start)
);
create index stop_annotation_by_reason on stop_annotation (org_id, reason_code);
comment on table stop_annotation is
    'What somebody says of a stop; what counts is the state, and a correction changes that';

create table maintenance_event (
    org_id text not null,
    equipment_id text not null,
    event_id uuid not null,
    ts timestamptz not null,
    source text,
    wo_no text not null,
    kind text not null check (kind in ('failure', 'repair_start', 'repair_end', 'pm_start', 'pm_end',
        'part_replaced')),
    failure_mode text,
    mechanism text,
    cause text,
    detection text,
    impact text check (impact in ('critical', 'degraded', 'incipient')),
    active_repair_s numeric(10,1) check (active_repair_s >= 0),
    labour_h numeric(8,2) check (labour_h >= 0),
    cost numeric(12,2) check (cost >= 0),
    primary key (org_id, event_id, ts),
    foreign key (org_id, equipment_id) references equipment on delete restrict
);
create index maintenance_event_by_equipment on maintenance_event (org_id, equipment_id, ts);

create table alarm (
    org_id text not null,
    equipment_id text not null,
    alarm_code text not null check (alarm_code <> ''),
    ts timestamptz not null,
    phase text not null check (phase in ('raise', 'ack', 'clear')),
    source text,
    severity smallint not null check (severity between 1 and 5),
    text text,
    primary key (org_id, equipment_id, alarm_code, ts, phase),
    foreign key (org_id, equipment_id) references equipment on delete restrict
);

create table energy_reading (
    org_id text not null,
    equipment_id text not null,
    carrier text not null check (carrier in ('electricity', 'gas', 'steam', 'air', 'water')),
    ts timestamptz not null,
    source text,
    cum_value numeric(18,4) not null check (cum_value >= 0),
    unit text,
    primary key (org_id, equipment_id, carrier, ts),
    foreign key (org_id, equipment_id) references equipment on delete restrict
);

create table production_orders (
    org_id text not null references orgs on delete restrict,
    order_no text not null check (order_no <> ''),
    product_code text not null,
    work_center_id text not null,
    qty_planned numeric(12,2) not null check (qty_planned > 0),
    due timestamptz,
    status text not null default 'planned'
        check (status in ('planned', 'released', 'started', 'completed', 'cancelled')),
    corrects text,
    row_version integer not null default 0 check (row_version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, order_no),
    foreign key (org_id, product_code) references products on delete restrict,
    foreign key (org_id, work_center_id) references work_centers on delete restrict,
    foreign key (org_id, corrects) references production_orders on delete restrict
);
create index production_orders_by_product on production_orders (org_id, product_code);
create index production_orders_by_center on production_orders (org_id, work_center_id, due);
create index production_orders_by_corrected on production_orders (org_id, corrects)
    where corrects is not null;

-- An order goes forward only; what is completed stays so, and a correction order repairs it.
create function order_goes_forward() returns trigger
    language plpgsql
    set search_path = pg_catalog
as $$
declare
    steps constant text[] := array['planned', 'released', 'started', 'completed'];
begin
    if old.status = new.status then
        return new;
    end if;
    if old.status in ('completed', 'cancelled')
        or (new.status <> 'cancelled'
            and array_position(steps, new.status) < array_position(steps, old.status)) then
        raise exception 'an order that is % cannot become %', old.status, new.status
            using errcode = 'check_violation', hint = 'Make an order that corrects it.';
    end if;
    return new;
end
$$;
create trigger order_goes_forward before update of status on production_orders
    for each row execute function order_goes_forward();
create trigger compare_and_set before update on production_orders
    for each row execute function compare_and_set();

create table maintenance_orders (
    org_id text not null,
    wo_no text not null check (wo_no <> ''),
    equipment_id text not null,
    kind text not null check (kind in ('corrective', 'preventive', 'predictive', 'condition')),
    planned tstzrange check (not isempty(planned)),
    status text not null default 'open' check (status in ('open', 'started', 'done', 'cancelled')),
    row_version integer not null default 0 check (row_version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, wo_no),
    foreign key (org_id, equipment_id) references equipment on delete restrict
);
create index maintenance_orders_by_equipment on maintenance_orders (org_id, equipment_id);
create trigger compare_and_set before update on maintenance_orders
    for each row execute function compare_and_set();

create table order_event (
    org_id text not null,
    order_no text not null,
    ts timestamptz not null,
    phase text not null
        check (phase in ('release', 'start', 'pause', 'resume', 'complete', 'cancel')),
    source text,
    qty numeric(12,2) check (qty >= 0),
    primary key (org_id, order_no, phase, ts),
    foreign key (org_id, order_no) references production_orders on delete restrict
);

create table correction (
    org_id text not null references orgs on delete restrict,
    correction_id uuid not null,
    ts timestamptz not null,
    source text,
    target_stream text not null check (target_stream <> ''),
    target_key jsonb not null check (jsonb_typeof(target_key) = 'object'),
    action text not null check (action in ('void', 'replace')),
    replacement jsonb check (jsonb_typeof(replacement) = 'object'),
    reason text not null check (reason <> ''),
    author text not null check (author <> ''),
    primary key (org_id, correction_id, ts),
    check ((action = 'replace') = (replacement is not null))
);
comment on table correction is
    'Who took what back, and why; the stream that it corrects has it in the same transaction';
