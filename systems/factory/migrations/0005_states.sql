-- What follows from the events: howdah keeps these tables, each row in the transaction of the event
-- that changes it. They are made here so that the views can name them.

create table machine_now (
    org_id text not null,
    equipment_id text not null,
    state machine_status,
    state_ts timestamptz,
    state_seq bigint,
    since timestamptz,
    reason_code text,
    order_no text,
    product_code text,
    events bigint not null default 0,
    primary key (org_id, equipment_id)
) with (fillfactor = 50);
comment on table machine_now is 'The latest state of each machine, by its own clock';

create table count_now (
    org_id text not null,
    equipment_id text not null,
    counter_epoch integer,
    counter_epoch_ts timestamptz,
    counter_epoch_counter_epoch integer,
    total_cum bigint,
    good_cum bigint,
    scrap_cum bigint,
    rework_cum bigint,
    counted_at timestamptz,
    primary key (org_id, equipment_id)
) with (fillfactor = 50);
comment on table count_now is 'The latest counters of each machine';

create table reading_now (
    org_id text not null,
    equipment_id text not null,
    parameter text not null,
    value double precision,
    value_ts timestamptz,
    value_seq bigint,
    quality quality,
    unit text,
    read_at timestamptz,
    readings bigint not null default 0,
    primary key (org_id, equipment_id, parameter)
) with (fillfactor = 50);
comment on table reading_now is 'The latest reading of each parameter';

create table alarm_now (
    org_id text not null,
    equipment_id text not null,
    alarm_code text not null,
    phase text,
    phase_ts timestamptz,
    phase_phase text,
    severity smallint,
    changed_at timestamptz,
    raised_at timestamptz,
    primary key (org_id, equipment_id, alarm_code)
) with (fillfactor = 50);
comment on table alarm_now is 'The latest phase of each alarm';

create table order_progress (
    org_id text not null,
    order_no text not null,
    howdah_rows bigint not null default 0,
    pq numeric not null default 0,
    gq numeric not null default 0,
    sq numeric not null default 0,
    rq numeric not null default 0,
    primary key (org_id, order_no)
) with (fillfactor = 50);
comment on table order_progress is 'Parts of an order over all its machines';

create table order_counts (
    org_id text not null,
    order_no text not null,
    first_at timestamptz,
    last_at timestamptz,
    counts bigint not null default 0,
    primary key (org_id, order_no)
) with (fillfactor = 50);
comment on table order_counts is 'When an order was counted first and last';

create table time_parts (
    org_id text not null,
    equipment_id text not null,
    product_code text not null,
    state machine_status not null,
    reason_code text not null,
    shift_id text,
    day date,
    bucket timestamptz not null,
    howdah_rows bigint not null default 0,
    seconds_in numeric not null default 0,
    seconds_short numeric not null default 0,
    starts bigint not null default 0,
    starts_short bigint not null default 0,
    constraint time_parts_key unique nulls not distinct (
        org_id, equipment_id, product_code, state, reason_code, shift_id, day, bucket)
) with (fillfactor = 50);
create index time_parts_by_day on time_parts (org_id, equipment_id, day);
comment on table time_parts is 'Seconds in each state, by machine and part of a shift';

create table count_parts (
    org_id text not null,
    equipment_id text not null,
    product_code text not null,
    shift_id text,
    day date,
    bucket timestamptz not null,
    howdah_rows bigint not null default 0,
    pq numeric not null default 0,
    gq numeric not null default 0,
    sq numeric not null default 0,
    rq numeric not null default 0,
    constraint count_parts_key unique nulls not distinct (
        org_id, equipment_id, product_code, shift_id, day, bucket)
) with (fillfactor = 50);
create index count_parts_by_day on count_parts (org_id, equipment_id, day);
comment on table count_parts is 'Parts made, by machine and part of a shift';

create table standard_parts (
    org_id text not null,
    equipment_id text not null,
    product_code text not null,
    shift_id text,
    day date,
    standard_id bigint,
    bucket timestamptz not null,
    howdah_rows bigint not null default 0,
    pq numeric not null default 0,
    gq numeric not null default 0,
    sq numeric not null default 0,
    rq numeric not null default 0,
    constraint standard_parts_key unique nulls not distinct (
        org_id, equipment_id, product_code, shift_id, day, standard_id, bucket)
) with (fillfactor = 50);
create index standard_parts_by_day on standard_parts (org_id, equipment_id, day);
comment on table standard_parts is 'Parts made under each standard';

create table reliability (
    org_id text not null,
    equipment_id text not null,
    state machine_status not null,
    reason_code text not null,
    howdah_rows bigint not null default 0,
    seconds_in numeric not null default 0,
    seconds_short numeric not null default 0,
    starts bigint not null default 0,
    starts_short bigint not null default 0,
    primary key (org_id, equipment_id, state, reason_code)
) with (fillfactor = 50);
comment on table reliability is 'Seconds in each state since ever';

create table subgroups (
    org_id text not null,
    equipment_id text not null,
    characteristic text not null,
    subgroup_id text not null,
    taken_at timestamptz,
    n bigint not null default 0,
    total numeric,
    total_sq numeric,
    low double precision,
    high double precision,
    primary key (org_id, equipment_id, characteristic, subgroup_id)
) with (fillfactor = 50);
comment on table subgroups is 'Subgroups of a characteristic: n, sum, sum of squares, least, most';

create table maintenance_1mo (
    org_id text not null,
    equipment_id text not null,
    bucket timestamptz not null,
    failures bigint not null default 0,
    repairs bigint not null default 0,
    repair_s numeric,
    preventive_s numeric,
    labour_h numeric,
    cost numeric,
    primary key (org_id, equipment_id, bucket)
) with (fillfactor = 80);
comment on table maintenance_1mo is 'Repairs and services by month';
