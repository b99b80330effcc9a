-- Notes the size of each stream ($1) today: of its chunks, and of its segment tables.
insert into howdah.sizes (stream, day, bytes, segment_bytes)
select t.name, current_date,
       pg_total_relation_size(to_regclass(t.name))
           + coalesce((select sum(pg_total_relation_size(inhrelid)) from pg_catalog.pg_inherits
                       where inhparent = to_regclass(t.name)), 0),
       coalesce((select sum(pg_total_relation_size(to_regclass(l.relation)))
                 from howdah.layouts l where l.stream = t.name), 0)
from unnest($1::text[]) as t (name)
where to_regclass(t.name) is not null
on conflict (stream, day) do update set
    bytes = excluded.bytes, segment_bytes = excluded.segment_bytes, noted_at = now()
