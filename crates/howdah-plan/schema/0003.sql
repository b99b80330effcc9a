-- howdah's own schema, version 3.

-- Streams with segments. A batch with an event before fenced_us looks for segments that may hold
-- its key; the fence is moved, under the exclusive stream lock, before anything is folded.
create table howdah.folds (
    stream text primary key,
    fenced_us bigint not null
);
comment on table howdah.folds is 'streams with segments; times before fenced_us (microseconds since 2000-01-01 UTC) may be folded';

-- How the arrays of a segment table are read: the types that were chosen for each column.
create table howdah.layouts (
    stream text not null,
    layout integer not null,
    relation text not null,
    columns jsonb not null,
    made_at timestamptz not null default now(),
    primary key (stream, layout)
);
comment on table howdah.layouts is 'segment tables: the code that was chosen for each column';

-- Chunks that are folded, or are being folded for the first time (rows = 0).
create table howdah.folded (
    stream text not null,
    chunk text not null,
    from_us bigint not null,
    to_us bigint not null,
    layout integer,
    rows bigint not null default 0,
    segments bigint not null default 0,
    bytes_before bigint not null default 0,
    folded_at timestamptz,
    primary key (stream, chunk)
);
comment on table howdah.folded is 'folded chunks: what their last fold took, and where it went';

-- A writer of an older howdah does not look for segments: it stops at its next batch.
update howdah.generation set generation = generation + 1;

insert into howdah.version (version) values (3);
