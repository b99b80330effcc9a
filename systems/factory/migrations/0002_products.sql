-- What is made, how long it should take, and what goes wrong.

-- One text as a range, so that an exclusion constraint can ask for equality without an extension:
-- [a, a] and [b, b] overlap exactly when a = b.
create type code_range as range (subtype = text, collation = "C");
create function one(text) returns code_range
    language sql immutable strict parallel safe
    set search_path = pg_catalog, public
    return code_range($1, $1, '[]');
comment on function one(text) is 'The range of this one text';

create table products (
    org_id text not null references orgs on delete restrict,
    product_code text not null check (product_code ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,49}$'),
    name text not null,
    family text,
    uom text not null default 'EA',
    standard_cost numeric(12,4) not null default 0 check (standard_cost >= 0),
    active boolean not null default true,
    row_version integer not null default 0 check (row_version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, product_code)
);
create trigger compare_and_set before update on products
    for each row execute function compare_and_set();

create table production_standards (
    org_id text not null,
    standard_id bigint generated always as identity,
    equipment_id text not null,
    product_code text not null,
    valid tstzrange not null check (not isempty(valid) and not lower_inf(valid)),
    pri_s numeric(10,4) not null check (pri_s > 0),
    setup_s numeric(10,2) not null default 0 check (setup_s >= 0),
    planned_scrap_ratio numeric(6,5) not null default 0
        check (planned_scrap_ratio >= 0 and planned_scrap_ratio < 1),
    row_version integer not null default 0 check (row_version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, standard_id),
    foreign key (org_id, equipment_id) references equipment on delete restrict,
    foreign key (org_id, product_code) references products on delete restrict,
    exclude using gist (one(org_id) with &&, one(equipment_id) with &&, one(product_code) with &&,
        valid with &&)
);
create index production_standards_by_equipment
    on production_standards (org_id, equipment_id, product_code);
create index production_standards_by_product on production_standards (org_id, product_code);
create trigger compare_and_set before update on production_standards
    for each row execute function compare_and_set();
comment on table production_standards is
    'The one place of the ideal rate: planned run time per item, and since when';
comment on column production_standards.pri_s is 'Planned run time per item, in seconds (PRI)';

create table stop_reasons (
    org_id text not null references orgs on delete restrict,
    reason_code text not null check (reason_code ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,49}$'),
    text text not null,
    level1 text not null check (level1 in ('planned', 'unplanned')),
    level2 text,
    level3 text,
    bucket text not null check (bucket in ('PDT', 'ADOT', 'ADET', 'AUST')),
    is_failure boolean not null default false,
    affects_oee boolean not null default true,
    row_version integer not null default 0 check (row_version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, reason_code),
    check (level1 = 'unplanned' or bucket in ('PDT', 'AUST')),
    check (not is_failure or level1 = 'unplanned')
);
create trigger compare_and_set before update on stop_reasons
    for each row execute function compare_and_set();

create table defect_types (
    org_id text not null references orgs on delete restrict,
    defect_code text not null check (defect_code ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,49}$'),
    name text not null,
    category text,
    severity smallint not null check (severity between 1 and 5),
    disposition text not null check (disposition in ('scrap', 'rework', 'use_as_is')),
    row_version integer not null default 0 check (row_version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, defect_code)
);
create trigger compare_and_set before update on defect_types
    for each row execute function compare_and_set();

-- Units are everybody's: UCUM codes, each with the way to the base unit of its dimension.
create table units (
    ucum_code text primary key check (ucum_code <> ''),
    dimension text not null,
    factor numeric not null default 1 check (factor > 0),
    shift numeric not null default 0,
    is_base boolean not null default false,
    check (not is_base or (factor = 1 and shift = 0))
);
create unique index units_have_one_base on units (dimension) where is_base;
comment on table units is 'base = factor * value + shift';
insert into units (ucum_code, dimension, factor, shift, is_base) values
    ('1', 'number', 1, 0, true), ('%', 'number', 0.01, 0, false),
    ('Cel', 'temperature', 1, 0, true), ('[degF]', 'temperature', 0.555555555555555556, -17.777777777777777778, false),
    ('bar', 'pressure', 100000, 0, false), ('Pa', 'pressure', 1, 0, true),
    ('mm', 'length', 0.001, 0, false), ('m', 'length', 1, 0, true),
    ('mm/s', 'speed', 0.001, 0, false), ('m/s', 'speed', 1, 0, true),
    ('A', 'current', 1, 0, true), ('V', 'voltage', 1, 0, true), ('kW', 'power', 1000, 0, false),
    ('W', 'power', 1, 0, true), ('kW.h', 'energy', 3600000, 0, false), ('J', 'energy', 1, 0, true),
    ('m3', 'volume', 1, 0, true), ('L', 'volume', 0.001, 0, false), ('/min', 'frequency', 0.016666666666666667, 0, false),
    ('Hz', 'frequency', 1, 0, true), ('kg', 'mass', 1, 0, true), ('s', 'time', 1, 0, true);

create table signals (
    org_id text not null,
    equipment_id text not null,
    parameter text not null check (parameter <> ''),
    ucum_code text not null references units on delete restrict,
    valid_min double precision,
    valid_max double precision,
    deadband double precision not null default 0 check (deadband >= 0),
    expected_period_s integer not null default 10 check (expected_period_s > 0),
    spc boolean not null default false,
    row_version integer not null default 0 check (row_version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, equipment_id, parameter),
    foreign key (org_id, equipment_id) references equipment on delete restrict,
    check (valid_min < valid_max)
);
create index signals_by_unit on signals (ucum_code);
create trigger compare_and_set before update on signals
    for each row execute function compare_and_set();
comment on table signals is
    'Tags that are known; readings of others are kept and listed by pending_signals';

-- Limits are frozen by an act and never computed again: a change is a new row, and a point is
-- judged by the row of its time.
create table spc_charts (
    org_id text not null,
    equipment_id text not null,
    characteristic text not null check (characteristic <> ''),
    frozen_at timestamptz not null,
    chart text not null check (chart in ('xbar_r', 'xbar_s', 'i_mr', 'p', 'ewma')),
    n integer not null check (n >= 1),
    cl double precision not null,
    lcl double precision not null,
    ucl double precision not null,
    sigma double precision not null check (sigma > 0),
    usl double precision,
    lsl double precision,
    frozen_by text not null,
    primary key (org_id, equipment_id, characteristic, frozen_at),
    foreign key (org_id, equipment_id) references equipment on delete restrict,
    check (lsl < usl),
    check (lcl < cl and cl < ucl)
);
