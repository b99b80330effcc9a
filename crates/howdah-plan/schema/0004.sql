-- howdah's own schema, version 4.

-- Who does the upkeep: one row. The epoch is a key, so that a transaction of upkeep that locks the
-- row for key share lets leases be renewed, and whoever takes the upkeep waits for it or fences it.
create table howdah.upkeep_lease (
    one boolean not null default true unique check (one),
    epoch bigint primary key,
    owner text,
    lease_until timestamptz,
    owner_pid integer,
    owner_start timestamptz
) with (fillfactor = 50);
insert into howdah.upkeep_lease (epoch) values (0);
comment on table howdah.upkeep_lease is 'the process that does the upkeep; whoever takes it raises the epoch';

-- Called by what changes data for upkeep, before it commits: fails when the session's upkeep has
-- another owner by now. A session that is none of upkeep's passes.
create function howdah.hold_upkeep() returns void
    language plpgsql volatile
    set search_path = pg_catalog
as $$
declare
    held text := nullif(current_setting('howdah.upkeep_epoch', true), '');
begin
    if held is null then
        return;
    end if;
    perform from howdah.upkeep_lease where epoch = held::bigint for key share;
    if not found then
        raise exception 'the upkeep has another owner' using errcode = 'HD407';
    end if;
end
$$;
comment on function howdah.hold_upkeep() is 'fails in a session of upkeep that is not its owner any more';

-- What each job of upkeep did last, and when it looks again.
create table howdah.upkeep_jobs (
    job text primary key,
    running_since timestamptz,
    last_run timestamptz,
    next_run timestamptz,
    backlog bigint not null default 0,
    steps bigint not null default 0,
    did text,
    did_at timestamptz,
    waits text,
    failures bigint not null default 0,
    error text,
    warnings text[] not null default '{}',
    place text
) with (fillfactor = 50);
comment on table howdah.upkeep_jobs is 'jobs of upkeep: last and next run, what is left, what was done, why one waits';
comment on column howdah.upkeep_jobs.place is 'where a job that goes round has come to';

-- Proofs that upkeep makes in the background, one row for each table of a rollup.
create table howdah.proofs (
    relation text primary key,
    ranges bigint not null default 0,
    rounds bigint not null default 0,
    proved_to text,
    proved_at timestamptz,
    failed_range text,
    missing bigint not null default 0,
    surplus bigint not null default 0,
    failed_at timestamptz
);
comment on table howdah.proofs is 'rollup tables that upkeep holds against their streams, range by range';

-- How large streams were: what a forecast is made from.
create table howdah.sizes (
    stream text not null,
    day date not null,
    bytes bigint not null,
    segment_bytes bigint not null,
    noted_at timestamptz not null default now(),
    primary key (stream, day)
);
comment on table howdah.sizes is 'the size of each stream on each day, for the forecast';

insert into howdah.version (version) values (4);
