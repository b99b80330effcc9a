create table audit.events (
  id bigint generated always as identity primary key,
  table_name text not null,
  action text not null,
  old_row jsonb,
  new_row jsonb,
  at timestamptz not null default now()
);
create function audit.record() returns trigger language plpgsql as $$
begin
  insert into audit.events (table_name, action, old_row, new_row)
  values (tg_table_name, tg_op, to_jsonb(old), to_jsonb(new));
  return null;
end $$;
create trigger calls_audit after insert or update or delete on core.calls
  for each row execute function audit.record();
create trigger campaigns_audit after insert or update or delete on core.campaigns
  for each row execute function audit.record();
create function core.load_calls(numbers text[]) returns bigint language plpgsql as $$
begin
  create temporary table batch (number text) on commit drop;
  insert into batch select unnest(numbers);
  return (select count(*) from batch);
end $$;
