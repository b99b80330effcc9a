create materialized view view_oee_daily as
  select equipment_id, date_trunc('day', start_time) as day,
    sum(good_parts)::numeric / nullif(sum(total_parts_produced), 0) as quality
  from fact_production group by 1, 2;
create table audit_log (
  id bigserial primary key,
  table_name varchar(100) not null,
  action varchar(10) not null,
  row_data jsonb,
  changed_at timestamp default now()
);
create function audit_trigger_function() returns trigger language plpgsql as $$
begin
  insert into audit_log (table_name, action, row_data)
  values (tg_table_name, tg_op, to_jsonb(coalesce(new, old)));
  return coalesce(new, old);
end $$;
create trigger audit_fact_production after insert or update or delete on fact_production
  for each row execute function audit_trigger_function();
create trigger audit_dim_equipment after insert or update or delete on dim_equipment
  for each row execute function audit_trigger_function();
