-- What judges flights: versions of models, and the weights of formulas.

create type model_type as enum ('type_detection', 'anomaly', 'risk');
create type policy_kind as enum ('quality', 'risk', 'maintenance', 'battery');
create type policy_kind_range as range (subtype = policy_kind);

create table model_version (
    model_type model_type not null,
    model_version text not null check (model_version ~ '^[0-9A-Za-z.+-]{1,40}$'),
    artefact_sha256 bytea not null check (octet_length(artefact_sha256) = 32),
    thresholds jsonb not null default '{}' check (jsonb_typeof(thresholds) = 'object'),
    trained_on text not null default '',
    created_at timestamptz not null default now(),
    primary key (model_type, model_version)
);
create trigger evidence_is_not_changed before update on model_version
    for each row execute function evidence_is_not_changed();
comment on table model_version is 'Models of the platform; a version is never changed';

-- Only runs of approved versions count; others say that they are trials.
create table approved_model (
    model_type model_type not null,
    model_version text not null,
    approved_by text not null check (approved_by like 'p-%'),
    approved_at timestamptz not null default now(),
    primary key (model_type, model_version),
    foreign key (model_type, model_version) references model_version on delete restrict
);
create trigger evidence_is_not_changed before update on approved_model
    for each row execute function evidence_is_not_changed();
comment on table approved_model is 'Which versions may be used, by whom and since when';
comment on column approved_model.approved_by is 'A pseudonym';

create table policy_version (
    policy_id uuid primary key,
    kind policy_kind not null,
    version integer not null check (version > 0),
    weights jsonb not null check (jsonb_typeof(weights) = 'object'),
    valid tstzrange not null check (not isempty(valid)),
    created_at timestamptz not null default now(),
    unique (kind, version),
    constraint policy_version_once exclude using gist (
        policy_kind_range(kind, kind, '[]') with &&, valid with &&)
);
comment on table policy_version is 'Weights of the formulas; one of each kind is valid at a time';
insert into policy_version (policy_id, kind, version, weights, valid) values
    ('00000000-0000-4000-8000-0000000000a1', 'quality', 1,
     '{"completeness": 0.35, "gaps": 0.25, "range": 0.25, "fields": 0.10, "time": 0.05}', '(,)'),
    ('00000000-0000-4000-8000-0000000000a2', 'risk', 1,
     '{"medium": 0.3, "high": 0.7, "critical": 0.9, "trend": 0.05, "alpha": 0.3}', '(,)'),
    ('00000000-0000-4000-8000-0000000000a3', 'maintenance', 1,
     '{"motor": 8, "control_surface": 6, "battery": 5, "vibration": 7, "temperature": 4,
       "risk": 30, "high_risk": 3, "overdue": 40, "due_7": 25, "due_30": 15, "due_60": 5,
       "over_1000_h": 10, "over_500_h": 5}', '(,)'),
    ('00000000-0000-4000-8000-0000000000a4', 'battery', 1,
     '{"soh": 0.5, "resistance": 0.3, "sag": 0.2, "sag_limit_v": 0.6, "watch": 75, "retire": 60}',
     '(,)');
