-- claim: LAST_VALUE over an order gives the last value
-- code: last_value( ; order by
-- says: last_value ; latest|last
-- like: last_value(v) over (partition by b order by t)
-- unlike: max(v) over (partition by b)
-- rows: FALSE The frame ends at the current row, so it gives {} where the last is 30.
-- none: TRUE It gives the last.
select string_agg(distinct last::text, ', ') from (
  select last_value(v) over (partition by b order by t) as last
  from (values (1, 1, 10), (1, 2, 20), (1, 3, 30)) x (b, t, v)) s
where last <> 30;
