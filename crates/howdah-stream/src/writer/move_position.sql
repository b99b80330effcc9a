-- Moves a shard from the position that the batch continues ($8, null at the start) to its end.
-- No row is changed when the shard stands elsewhere.
insert into howdah.positions as p (source, shard, position, events, rows, duplicates, dead_letters)
select $1, $2, $3, $4::bigint, $5::bigint, $6::bigint, $7::bigint
where $8::text is null
   or exists (select from howdah.positions where source = $1 and shard = $2)
on conflict (source, shard) do update
set position = excluded.position,
    events = p.events + excluded.events,
    rows = p.rows + excluded.rows,
    duplicates = p.duplicates + excluded.duplicates,
    dead_letters = p.dead_letters + excluded.dead_letters,
    updated_at = now()
where p.position is not distinct from $8::text
