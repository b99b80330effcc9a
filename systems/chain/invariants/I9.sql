-- Every event that was read is accounted for: a row, a repeat or a dead letter.
select source, shard, events, rows, duplicates, dead_letters
from howdah.positions
where events <> rows + duplicates + dead_letters
