-- A person's rights: to have everything about them in one bundle, and to be forgotten. What is
-- forgotten is who a pseudonym was; flights, hours and releases stay as they are.

create table person_request (
    of_org text not null references organization on delete restrict,
    request_id uuid not null,
    kind text not null check (kind in ('export', 'erase')),
    pseudonym text not null,
    actor text not null check (actor <> ''),
    at timestamptz not null default now(),
    primary key (of_org, request_id)
);
create trigger evidence_is_not_changed before update or delete on person_request
    for each row execute function evidence_is_not_changed();
alter table person_request enable row level security;
alter table person_request force row level security;
create policy person_request_of_caller on person_request
    using (of_org = (select caller_org())
           or (select pg_has_role(session_user, current_user, 'member')));
comment on table person_request is
    'Who asked for a bundle or an erasure, of which pseudonym; it names nobody';
comment on column person_request.actor is 'The login that asked';

-- The caller's organisation; a session of the service, which is the owner, speaks for any.
create function org_of_caller(wanted text) returns text
    language plpgsql stable
    set search_path = pg_catalog, public
as $$
declare
    mine text := caller_org();
begin
    if mine is null and pg_has_role(session_user, current_user, 'member') then
        return wanted;
    end if;
    if mine is distinct from wanted then
        raise exception 'this session does not speak for that organisation'
            using errcode = 'insufficient_privilege';
    end if;
    return mine;
end
$$;
comment on function org_of_caller(text) is
    'The organisation asked for, if the session may speak for it; else an error';
revoke execute on function org_of_caller(text) from public;

-- Everything about a person: the sealed identity, which the service opens with the key of key_ref,
-- and what they flew, certified and judged. counts and sha256 let the receiver check it.
create function person_export(org text, person uuid) returns jsonb
    language plpgsql security definer
    set search_path = pg_catalog, public
as $$
declare
    me text := org_of_caller(org);
    who record;
    bundle jsonb;
begin
    select p.pseudonym, p.sealed, p.key_ref, p.licence_expiry, p.erased_at, p.created_at
    into who from public.person p where p.of_org = me and p.person_id = person_export.person;
    if not found then
        raise exception 'there is no such person in this organisation'
            using errcode = 'no_data_found';
    end if;
    bundle := jsonb_build_object(
        'version', 1,
        'organization', me,
        'pseudonym', who.pseudonym,
        'identity', jsonb_build_object(
            'sealed', encode(who.sealed, 'base64'), 'key_ref', who.key_ref,
            'licence_expiry', who.licence_expiry, 'erased_at', who.erased_at),
        'accounts', coalesce((
            select jsonb_agg(jsonb_build_object('user_id', u.user_id, 'email', u.email,
                                                'role', u.role) order by u.user_id)
            from app_user u where u.org_id = me and u.pseudonym = who.pseudonym), '[]'),
        'hours', coalesce((
            select jsonb_build_object('flights', h.flights, 'cycles', h.cycles,
                                      'airborne_s', h.airborne_s)
            from pilot_hours h where h.org_id = me and h.pilot = who.pseudonym), '{}'),
        'flights', coalesce((
            select jsonb_agg(jsonb_build_object(
                       'session_id', s.session_id, 'aircraft', s.aircraft_id,
                       'flight_no', s.flight_no, 'takeoff_at', s.takeoff_at,
                       'landing_at', s.landing_at) order by s.session_id)
            from flight_session s where s.org_id = me and s.pilot = who.pseudonym), '[]'),
        'certified', coalesce((
            select jsonb_agg(to_jsonb(m) - 'org_id' order by m.ts, m.event_id)
            from maintenance_event_history m where m.org_id = me and m.certifier = who.pseudonym), '[]'),
        'reviews', coalesce((
            select jsonb_agg(to_jsonb(r) - 'org_id' order by r.ts, r.analysis_id)
            from review_event_history r where r.org_id = me and r.reviewer = who.pseudonym), '[]'));
    bundle := bundle || jsonb_build_object('counts', jsonb_build_object(
        'accounts', jsonb_array_length(bundle -> 'accounts'),
        'flights', jsonb_array_length(bundle -> 'flights'),
        'certified', jsonb_array_length(bundle -> 'certified'),
        'reviews', jsonb_array_length(bundle -> 'reviews')));
    insert into person_request (of_org, request_id, kind, pseudonym, actor)
    values (me, gen_random_uuid(), 'export', who.pseudonym, session_user);
    return bundle || jsonb_build_object(
        'sha256', encode(sha256(convert_to(bundle::text, 'UTF8')), 'hex'));
end
$$;
comment on function person_export(text, uuid) is
    'One bundle of all about a person; sha256 is of the bundle without it';
revoke execute on function person_export(text, uuid) from public;

-- Destroys what the vault holds of a person and says which key is to be destroyed outside. Done
-- again it changes nothing. Accounts of the person lose their address and are closed.
create function person_erase(org text, person uuid) returns jsonb
    language plpgsql security definer
    set search_path = pg_catalog, public
as $$
declare
    me text := org_of_caller(org);
    who record;
    accounts bigint;
begin
    select p.pseudonym, p.key_ref, p.erased_at into who
    from public.person p where p.of_org = me and p.person_id = person_erase.person for update;
    if not found then
        raise exception 'there is no such person in this organisation'
            using errcode = 'no_data_found';
    end if;
    if who.erased_at is not null then
        return jsonb_build_object('pseudonym', who.pseudonym, 'erased', false);
    end if;
    update public.person p
    set sealed = null, key_ref = null, licence_expiry = null, erased_at = now(),
        row_version = p.row_version + 1
    where p.of_org = me and p.person_id = person_erase.person;
    update app_user u
    set email = 'erased@' || u.user_id || '.invalid', active = false,
        row_version = u.row_version + 1
    where u.org_id = me and u.pseudonym = who.pseudonym;
    get diagnostics accounts = row_count;
    insert into person_request (of_org, request_id, kind, pseudonym, actor)
    values (me, gen_random_uuid(), 'erase', who.pseudonym, session_user);
    return jsonb_build_object('pseudonym', who.pseudonym, 'erased', true,
                              'destroy_key', who.key_ref, 'accounts', accounts);
end
$$;
comment on function person_erase(text, uuid) is
    'Forgets who a pseudonym was; pseudonyms, hours and flights stay';
revoke execute on function person_erase(text, uuid) from public;
