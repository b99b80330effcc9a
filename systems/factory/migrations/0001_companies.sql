-- Who and where: companies are the tenants; below them the levels of ISA-95 (enterprise, site,
-- area, work centre, work unit). A code is the key: it stands in topics and events as it is, is
-- unique within its company alone, and does not change.

-- Every change of an entity names the version that it saw: of two writers one wins, and the other
-- gets a conflict instead of overwriting what it never read.
create function compare_and_set() returns trigger
    language plpgsql
    set search_path = pg_catalog
as $$
begin
    if new.row_version is distinct from old.row_version + 1 then
        raise exception 'the row was changed by somebody else'
            using errcode = 'serialization_failure',
                  hint = 'Read it again, and write row_version + 1 of what was read.';
    end if;
    new.created_at := old.created_at;
    new.updated_at := now();
    return new;
end
$$;
comment on function compare_and_set() is
    'An update must raise row_version by one; keeps the times';

create table orgs (
    org_id text primary key check (org_id ~ '^[a-z0-9][a-z0-9_-]{0,39}$'),
    name text not null check (name <> ''),
    default_tz text not null,
    legal_hold boolean not null default false,
    retention_overrides jsonb not null default '{}' check (jsonb_typeof(retention_overrides) = 'object'),
    row_version integer not null default 0 check (row_version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create trigger compare_and_set before update on orgs
    for each row execute function compare_and_set();
comment on table orgs is 'Companies: the tenants';
comment on column orgs.retention_overrides is 'Longer lives of streams, by name';

create table sites (
    org_id text not null references orgs on delete restrict,
    site_id text not null check (site_id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,49}$'),
    name text not null,
    tz text not null,
    row_version integer not null default 0 check (row_version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, site_id)
);
create trigger compare_and_set before update on sites
    for each row execute function compare_and_set();
comment on column sites.tz is 'IANA name; shifts, days and weeks of the site are told in it';

-- A zone is known when the server knows it: no list to keep, and a wrong name is refused.
create function zone_exists() returns trigger
    language plpgsql
    set search_path = pg_catalog
as $$
begin
    if not exists (select from pg_timezone_names z where z.name = new.tz) then
        raise exception 'there is no time zone "%"', new.tz using errcode = 'check_violation';
    end if;
    return new;
end
$$;
create trigger zone_exists before insert or update of tz on sites
    for each row execute function zone_exists();

create table areas (
    org_id text not null,
    site_id text not null,
    area_id text not null check (area_id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,49}$'),
    name text not null,
    row_version integer not null default 0 check (row_version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, site_id, area_id),
    foreign key (org_id, site_id) references sites on delete restrict
);
create trigger compare_and_set before update on areas
    for each row execute function compare_and_set();

create table work_centers (
    org_id text not null,
    work_center_id text not null check (work_center_id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,49}$'),
    site_id text not null,
    area_id text not null,
    name text not null,
    kind text not null default 'line' check (kind in ('line', 'cell', 'unit')),
    capacity numeric(10,2) check (capacity > 0),
    capacity_uom text,
    row_version integer not null default 0 check (row_version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, work_center_id),
    foreign key (org_id, site_id, area_id) references areas on delete restrict
);
create index work_centers_by_area on work_centers (org_id, site_id, area_id);
create trigger compare_and_set before update on work_centers
    for each row execute function compare_and_set();

create table equipment (
    org_id text not null,
    equipment_id text not null check (equipment_id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,49}$'),
    name text not null,
    type text not null check (type <> ''),
    work_center_id text not null,
    parent_id text,
    parent_level smallint,
    taxonomy_level smallint not null default 6 check (taxonomy_level between 1 and 9),
    manufacturer text,
    model text,
    serial_number text,
    installation_date date,
    criticality text not null default 'standard'
        check (criticality in ('critical', 'important', 'standard')),
    attributes jsonb not null default '{}' check (jsonb_typeof(attributes) = 'object'),
    active boolean not null default true,
    row_version integer not null default 0 check (row_version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, equipment_id),
    unique (org_id, equipment_id, taxonomy_level),
    foreign key (org_id, work_center_id) references work_centers on delete restrict,
    -- The parent's level is copied by its key, so the check below needs no trigger; and since a
    -- level falls with every step up, there is no cycle.
    foreign key (org_id, parent_id, parent_level)
        references equipment (org_id, equipment_id, taxonomy_level)
        on update cascade on delete restrict,
    check (parent_level < taxonomy_level),
    check ((parent_id is null) = (parent_level is null))
);
create index equipment_by_work_center on equipment (org_id, work_center_id);
create index equipment_by_parent on equipment (org_id, parent_id, parent_level)
    where parent_id is not null;
create trigger compare_and_set before update on equipment
    for each row execute function compare_and_set();
comment on table equipment is 'Work units: what reports states and counts';
comment on column equipment.taxonomy_level is 'ISO 14224: 1 industry to 9 part';

-- The vault: who hides behind a pseudonym. Everything else holds the pseudonym. No tenant's login
-- reads it; an application of the owner's does, and keeps the key of what is sealed elsewhere.
create table persons (
    org_id text not null references orgs on delete restrict,
    pseudonym text not null check (pseudonym ~ '^p-[0-9a-f]{4,32}$'),
    sealed bytea,
    key_id text,
    erased_at timestamptz,
    row_version integer not null default 0 check (row_version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, pseudonym),
    check (erased_at is null or (sealed is null and key_id is null)),
    check ((sealed is null) = (key_id is null))
);
create trigger compare_and_set before update on persons
    for each row execute function compare_and_set();
comment on table persons is 'Name, badge and e-mail of a pseudonym, sealed; erased by forgetting them';

create table app_users (
    org_id text not null references orgs on delete restrict,
    login text not null check (login <> ''),
    role text not null
        check (role in ('operator', 'lead', 'maint', 'quality', 'manager', 'auditor', 'service')),
    pseudonym text,
    row_version integer not null default 0 check (row_version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, login),
    foreign key (org_id, pseudonym) references persons on delete restrict
);
create index app_users_by_person on app_users (org_id, pseudonym) where pseudonym is not null;
create trigger compare_and_set before update on app_users
    for each row execute function compare_and_set();

create table site_grants (
    org_id text not null,
    login text not null,
    site_id text not null,
    primary key (org_id, login, site_id),
    foreign key (org_id, login) references app_users on delete cascade,
    foreign key (org_id, site_id) references sites on delete restrict
);
create index site_grants_by_site on site_grants (org_id, site_id);
comment on table site_grants is 'The sites that a user is limited to; none: all of his company';
