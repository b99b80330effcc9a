-- The design as reviewed, rebuilt to be compared with. Not an example to follow.

create schema factory_before;
set search_path = factory_before;

create table dim_site (
    id serial primary key,
    code varchar(20) not null unique,
    name varchar(100) not null,
    timezone varchar(50) not null default 'UTC'
);
create table dim_area (
    id serial primary key,
    code varchar(20) not null unique,
    site_id int not null references dim_site (id)
);
create table dim_work_center (
    id serial primary key,
    code varchar(20) not null unique,
    area_id int not null references dim_area (id),
    capacity numeric
);
create table dim_equipment (
    id serial primary key,
    code varchar(50) not null unique,
    name varchar(100) not null,
    work_center_id int not null references dim_work_center (id),
    attributes jsonb,
    ideal_rate_per_hour numeric,
    is_active boolean default true
);
create index idx_equipment_attributes on dim_equipment using gin (attributes);
create table dim_product (
    id serial primary key,
    code varchar(50) not null unique,
    ideal_cycle_time_s numeric
);
create table dim_shift (
    id serial primary key,
    code varchar(10) not null,
    start_time time not null,
    end_time time not null
);
create table dim_downtime_reason (
    id serial primary key,
    code varchar(50) not null unique,
    is_planned boolean not null default false
);
-- A generated id of 36 characters does not fit: every insert without one fails.
create table dim_operator (
    id varchar(30) primary key default gen_random_uuid()::text,
    name varchar(200) not null,
    email varchar(255)
);
