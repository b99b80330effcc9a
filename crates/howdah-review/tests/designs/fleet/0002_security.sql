alter table fleet.organizations enable row level security;
alter table fleet.users enable row level security;
alter table fleet.aircraft enable row level security;
alter table fleet.flight_sessions enable row level security;
create function fleet.current_org() returns uuid language plpgsql security definer stable as $$
begin
  return current_setting('app.current_org', true)::uuid;
end $$;
create function fleet.encrypt_value(plain text, secret text) returns bytea
  language sql security definer as $$ select pgp_sym_encrypt(plain, secret) $$;
create function fleet.purge(name text) returns void language plpgsql security definer as $$
begin
  execute 'delete from fleet.' || name || ' where at < now()';
end $$;
create function fleet.risk(org uuid) returns numeric language plpgsql security definer as $$
begin
  return 0;
exception when others then
  return null;
end $$;
create policy users_own on fleet.users using (org_id = fleet.current_org());
create policy aircraft_own on fleet.aircraft using (org_id = fleet.current_org());
create policy sessions_own on fleet.flight_sessions using (org_id = fleet.current_org());
create policy organizations_own on fleet.organizations using (id = fleet.current_org());
-- select cron.schedule('purge', '0 3 * * *', 'select fleet.purge(''flight_telemetry'')');
create function fleet_audit.record() returns trigger language plpgsql as $$
begin
  insert into fleet_audit.audit_log (table_name, action, changed)
  values (tg_table_name, tg_op, to_jsonb(new));
  return null;
end $$;
create trigger aircraft_audit after insert or update on fleet.aircraft
  for each row execute function fleet_audit.record();
