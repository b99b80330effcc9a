-- claim: hash modulo the number of shards spreads keys unevenly
-- says: modulo|hash % ; unbalanced|uneven|overload|skew
-- like: A modulo of the hash gives uneven shards
-- unlike: A modulo of the hash makes resharding expensive
-- rows: FALSE The fullest and the emptiest of four shards differ by {} % over 100,000 keys. What a modulo does cost is moving most keys when the number of shards changes.
-- none: TRUE The shards differ by more than five per cent.
with shard as (
  select abs(hashtext(md5(n::text)) % 4) as shard, count(*) as keys
  from generate_series(1, 100000) n group by 1)
select round(100.0 * (max(keys) - min(keys)) / avg(keys), 1) from shard
having 100.0 * (max(keys) - min(keys)) / avg(keys) < 5;
