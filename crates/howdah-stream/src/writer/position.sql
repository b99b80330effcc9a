select position from howdah.positions where source = $1 and shard = $2
