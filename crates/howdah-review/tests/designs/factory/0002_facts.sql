create table fact_production (
  id bigserial primary key,
  equipment_id int not null references dim_equipment (id),
  operator_id varchar(30) references dim_operator (id),
  start_time timestamp not null,
  end_time timestamp,
  total_parts_produced int not null default 0,
  good_parts int not null default 0,
  scrap_parts int not null default 0,
  rework_parts int not null default 0,
  operating_time numeric,
  check (good_parts + scrap_parts + rework_parts <= total_parts_produced)
);
create index idx_production_oee_covering on fact_production (equipment_id, start_time desc);
create table fact_sensor_event (
  event_id bigint not null,
  equipment_id int not null references dim_equipment (id),
  event_ts timestamptz not null,
  value double precision,
  primary key (event_id, event_ts)
) partition by range (event_ts);
create table fact_sensor_event_2024 partition of fact_sensor_event
  for values from ('2024-01-01') to ('2025-01-01');
create table fact_downtime (
  id bigserial primary key,
  equipment_id int not null references dim_equipment (id),
  reason_id int not null references dim_downtime_reason (id),
  started_at timestamptz not null
);
alter table fact_production enable row level security;
create policy site_rows on fact_production
  using (equipment_id = current_setting('app.equipment')::int);
