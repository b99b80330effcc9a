-- Moves a shard from the position that the batch continues ($8, null at the start) to its end, and
-- renews the lease of epoch $9 by $10 seconds. No row is changed when the shard stands elsewhere or
-- has another owner. Without a lease ($9 null) it moves only while nobody owns it.
insert into howdah.positions as p
    (source, shard, position, events, rows, duplicates, dead_letters, ordinal, incarnation)
select $1, $2, $3, $4::bigint, $5::bigint, $6::bigint, $7::bigint, $11::bigint, $12::text
where ($8::text is null and $9::bigint is null)
   or exists (select from howdah.positions where source = $1 and shard = $2)
on conflict (source, shard) do update
set position = excluded.position,
    events = p.events + excluded.events,
    rows = p.rows + excluded.rows,
    duplicates = p.duplicates + excluded.duplicates,
    dead_letters = p.dead_letters + excluded.dead_letters,
    ordinal = excluded.ordinal,
    incarnation = excluded.incarnation,
    lease_until = case when $9::bigint is null then p.lease_until
                       else clock_timestamp() + make_interval(secs => $10::float8) end,
    updated_at = now()
where p.position is not distinct from $8::text
  and case when $9::bigint is null then p.owner is null else p.epoch = $9::bigint end
