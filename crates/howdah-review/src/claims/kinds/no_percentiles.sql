-- claim: PostgreSQL lacks percentiles and moving averages
-- says: percentile|moving average ; missing|lack|^no
-- like: Percentiles are missing
-- unlike: Percentiles are computed nightly
-- rows: FALSE Both are built in: {}.
-- none: TRUE HERE They gave nothing.
select 'p95 ' || percentile_cont(0.95) within group (order by v) || ', last moving average ' ||
  max(m) from (select v, avg(v) over (order by v rows 2 preceding) as m
               from generate_series(1, 100) v) s;
