-- A range ($2) of a rollup's table ($1) was proved: $3 rows are missing, $4 too many. A failure
-- stays until the same range holds.
insert into howdah.proofs as p
    (relation, ranges, proved_to, proved_at, failed_range, missing, surplus, failed_at)
values ($1, 1, $2, now(), case when $3::bigint + $4::bigint > 0 then $2::text end, $3, $4,
        case when $3::bigint + $4::bigint > 0 then now() end)
on conflict (relation) do update set
    ranges = p.ranges + 1,
    proved_to = $2,
    proved_at = now(),
    failed_range = case when $3::bigint + $4::bigint > 0 then $2::text
                        when p.failed_range = $2 then null else p.failed_range end,
    missing = case when $3::bigint + $4::bigint > 0 or p.failed_range = $2 then $3 else p.missing end,
    surplus = case when $3::bigint + $4::bigint > 0 or p.failed_range = $2 then $4 else p.surplus end,
    failed_at = case when $3::bigint + $4::bigint > 0 then now()
                     when p.failed_range = $2 then null else p.failed_at end
