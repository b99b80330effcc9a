-- howdah's own schema, version 5.

-- Up to which time events of a stream are gone, or may be. An event before it is refused, since
-- nobody can tell whether it is a repetition; a rollup's row that reaches before it stays as it is.
-- A horizon never goes back.
create table howdah.horizons (
    stream text not null,
    tenant text,
    gone_us bigint not null,
    moved_at timestamptz not null default now(),
    unique nulls not distinct (stream, tenant)
);
comment on table howdah.horizons is 'the time (microseconds since 2000-01-01 UTC) before which raw events of a stream are gone by retention; tenant null: of everybody';

-- Chunks, and rows of one tenant in a chunk, that retention took or is taking.
create table howdah.drops (
    id bigint generated always as identity primary key,
    stream text not null,
    chunk text not null,
    from_us bigint not null,
    to_us bigint not null,
    tenant text,
    events bigint,
    archive text,
    begun_at timestamptz not null default now(),
    done_at timestamptz,
    restored_at timestamptz,
    kept_until timestamptz
);
create index on howdah.drops (stream, from_us);
comment on table howdah.drops is 'what retention took: events that are gone, and the export that holds them';
comment on column howdah.drops.events is 'null: not counted yet';
comment on column howdah.drops.kept_until is 'events that were brought back from an export stay until then';

-- A writer of an older howdah knows of no horizon: it stops at its next batch.
update howdah.generation set generation = generation + 1;

insert into howdah.version (version) values (5);
