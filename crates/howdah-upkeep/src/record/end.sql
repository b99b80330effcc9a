-- A job ($1) has made a step; it looks again after $2 seconds. $3 what was done, $4 why it waits,
-- $5 what is left (null: as before, it failed), $6 the failure, $7 warnings (null: as before).
insert into howdah.upkeep_jobs as j
    (job, last_run, next_run, backlog, steps, did, did_at, waits, failures, error, warnings)
values ($1, clock_timestamp(), clock_timestamp() + make_interval(secs => $2::float8),
        coalesce($5::bigint, 0), ($3::text is not null)::integer, $3,
        case when $3::text is not null then clock_timestamp() end, $4::text,
        ($6::text is not null)::integer, $6, coalesce($7::text[], '{}'))
on conflict (job) do update set
    running_since = null,
    last_run = excluded.last_run,
    next_run = excluded.next_run,
    backlog = coalesce($5::bigint, j.backlog),
    steps = j.steps + excluded.steps,
    did = coalesce(excluded.did, j.did),
    did_at = coalesce(excluded.did_at, j.did_at),
    waits = excluded.waits,
    failures = case when $6::text is null then 0 else j.failures + 1 end,
    error = excluded.error,
    warnings = coalesce($7::text[], j.warnings)
