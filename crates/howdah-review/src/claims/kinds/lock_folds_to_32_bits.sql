-- claim: folding a 64-bit hash by (h >> 32) ^ (h & 0xFFFFFFFF) gives 63 bits
-- says: fold ; 63 bits|63-bit
-- code: >> 32) ^ ( ; & 0xffffffff
-- like: The hash is folded to 63 bits
-- like: ((h >> 32) ^ (h & 0xFFFFFFFF)) as i64
-- unlike: The hash has 64 bits
-- rows: FALSE No key of 100,000 is above 2^32 (the greatest has {} bits); among 300,000 keys about ten collide.
-- none: TRUE There are keys above 2^32.
select ceil(log(2.0, max(folded)::numeric)) from (
  select ((h >> 32) & 4294967295) # (h & 4294967295) as folded
  from (select hashtextextended(n::text, 0) as h from generate_series(1, 100000) n) k) f
having max(folded) < 4294967296;
