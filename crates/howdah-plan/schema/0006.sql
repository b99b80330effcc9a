-- howdah's own schema, version 6: functions that rollups and their readers call. None of them
-- touches a table.

-- Sketches of values: logarithmic bins, each as wide as 2 % of its values, so that the middle of a
-- bin is within 1 % of any value in it. The bin of x is 0 for 0, else 40000 + ceil(ln |x| / w),
-- with the sign of x; w is ln(1.01 / 0.99). A sketch has one number for each bin that is not empty,
-- in the order of the bins: bin * 2^40 + count. Counts may be negative in a difference.
create function howdah.sketch_bin(x double precision) returns integer
language sql immutable parallel safe
return case
    when x = 'NaN' or x = 'Infinity' or x = '-Infinity' then null
    when abs(x) < 1e-300 then 0
    else sign(x)::integer * (40000 + ceil(ln(abs(x)) / 0.020000666706669543)::integer)
end;
comment on function howdah.sketch_bin is 'the bin of a value in a sketch; null for what is no finite number';

create function howdah.sketch(bins integer[]) returns bigint[]
language sql immutable parallel safe
return (
    select array_agg(bin::bigint * 1099511627776 + n order by bin)
    from (select bin, count(*) as n from unnest(bins) u(bin) where bin is not null group by bin) b
);
comment on function howdah.sketch is 'the sketch of bins';

create function howdah.sketch_merge(a bigint[], b bigint[]) returns bigint[]
language sql immutable parallel safe
return case when a is null then b when b is null then a else (
    select array_agg(bin * 1099511627776 + n order by bin)
    from (
        select (v + 549755813888) >> 40 as bin,
            sum(v - (((v + 549755813888) >> 40) * 1099511627776))::bigint as n
        from unnest(a || b) u(v) group by 1
    ) c where n <> 0
) end;
comment on function howdah.sketch_merge is 'two sketches as one';

create function howdah.sketch_minus(a bigint[], b bigint[]) returns bigint[]
language sql immutable parallel safe
return case when b is null then a else (
    select array_agg(bin * 1099511627776 + n order by bin)
    from (
        select bin, sum(n)::bigint as n
        from (
            select (v + 549755813888) >> 40 as bin,
                v - (((v + 549755813888) >> 40) * 1099511627776) as n
            from unnest(a) u(v)
            union all
            select (v + 549755813888) >> 40,
                -(v - (((v + 549755813888) >> 40) * 1099511627776))
            from unnest(b) u(v)
        ) s group by bin
    ) c where n <> 0
) end;
comment on function howdah.sketch_minus is 'a sketch without what is in another';

create aggregate howdah.sketch_sum(bigint[]) (
    sfunc = howdah.sketch_merge, stype = bigint[], combinefunc = howdah.sketch_merge,
    parallel = safe
);
comment on aggregate howdah.sketch_sum(bigint[]) is 'several sketches as one';

-- The value of 0-based rank floor(p * (n - 1)), within 1 %.
create function howdah.sketch_quantile(p double precision, sketch bigint[]) returns double precision
language sql immutable parallel safe
return (
    select case when bin = 0 then 0
        else sign(bin) * exp((abs(bin) - 40000) * 0.020000666706669543) * 0.99 end
    from (
        select bin, sum(n) over (order by bin) as upto, sum(n) over () as total
        from (
            select ((v + 549755813888) >> 40)::double precision as bin,
                v - (((v + 549755813888) >> 40) * 1099511627776) as n
            from unnest(sketch) u(v)
        ) b
    ) c
    where upto > floor(p * (total - 1)::double precision)
    order by bin limit 1
);
comment on function howdah.sketch_quantile is 'a quantile of the values behind a sketch, within 1 % of the value';

create function howdah.sketch_count(sketch bigint[]) returns bigint
language sql immutable parallel safe
return (
    select coalesce(sum(v - (((v + 549755813888) >> 40) * 1099511627776)), 0)::bigint
    from unnest(sketch) u(v)
);
comment on function howdah.sketch_count is 'how many values are behind a sketch';

-- Different values: the 1,024 smallest of their hashes, in order. Below that number the count is
-- that of the hashes; else it follows from how close together the smallest lie.
create function howdah.distinct_of(hashes bigint[]) returns bigint[]
language sql immutable parallel safe
return nullif((array_remove(hashes, null))[1:1024], '{}');
comment on function howdah.distinct_of is 'the sketch of different hashes in their order';

create function howdah.distinct_merge(a bigint[], b bigint[]) returns bigint[]
language sql immutable parallel safe
return case when a is null then b when b is null then a else (
    select array_agg(v order by v)
    from (select distinct v from unnest(a || b) u(v) order by v limit 1024) c
) end;
comment on function howdah.distinct_merge is 'the values of two sketches together';

create aggregate howdah.distinct_sum(bigint[]) (
    sfunc = howdah.distinct_merge, stype = bigint[], combinefunc = howdah.distinct_merge,
    parallel = safe
);
comment on aggregate howdah.distinct_sum(bigint[]) is 'the values of several sketches together';

create function howdah.distinct_count(sketch bigint[]) returns bigint
language sql immutable parallel safe
return case
    when sketch is null then 0
    when cardinality(sketch) < 1024 then cardinality(sketch)
    else round(1023 / ((sketch[1024]::numeric + 9223372036854775808) / 18446744073709551616))
end;
comment on function howdah.distinct_count is 'how many different values: exact below 1,024, else with a standard error of 3.1 %';

-- Reading.
create function howdah.seconds_in(begins timestamptz, ends timestamptz, period tstzrange)
returns numeric
language sql immutable parallel safe
return case when isempty(period) then 0 else greatest(0, extract(epoch from
    least(ends, upper(period)) - greatest(begins, lower(period)))) end;
comment on function howdah.seconds_in is 'the seconds of a time that lie in a period';

create function howdah.counter_delta(now numeric, before numeric) returns numeric
language sql immutable parallel safe
return case when now >= before then now - before when now < before then now end;
comment on function howdah.counter_delta is 'what a counter rose by; a fall is a reset';

create function howdah.rate(increase numeric, seconds numeric) returns numeric
language sql immutable parallel safe
return increase / nullif(seconds, 0);
comment on function howdah.rate is 'by the second; null where no time passed';

-- Widths of a day and more are '1 day', '7 days', '1 month', '3 months' and '1 year'.
create function howdah.buckets(
    begins timestamptz, ends timestamptz, every interval, zone text default 'UTC'
) returns setof timestamptz
language sql immutable parallel safe
begin atomic
    select b from (
        select b from generate_series(
            date_bin(least(every, interval '1 day'), begins,
                timestamptz '2000-01-01 00:00:00+00'), ends, every
        ) b where every < interval '1 day'
        union all
        select l at time zone zone from generate_series(
            date_trunc(case every when interval '1 day' then 'day' when interval '7 days' then 'week'
                when interval '1 month' then 'month' when interval '3 months' then 'quarter'
                when interval '1 year' then 'year' else every::text end, begins at time zone zone),
            ends at time zone zone, every
        ) l where every >= interval '1 day'
    ) s where b < ends;
end;
comment on function howdah.buckets is 'the beginnings of the buckets of a time, as rollups have them';

create function howdah.locf_step(held anyelement, value anyelement) returns anyelement
language sql immutable parallel safe as 'select coalesce(value, held)';
create aggregate howdah.locf(anyelement) (sfunc = howdah.locf_step, stype = anyelement);
comment on aggregate howdah.locf(anyelement) is 'the last value that is not null; over an order, the last observation carried forward';

create function howdah.ewma_step(held double precision, value double precision, alpha double precision)
returns double precision
language sql immutable parallel safe
return case when value is null then held when held is null then value
    else alpha * value + (1 - alpha) * held end;
create aggregate howdah.ewma(double precision, double precision) (
    sfunc = howdah.ewma_step, stype = double precision
);
comment on aggregate howdah.ewma(double precision, double precision) is 'the exponentially weighted average of a value, with the weight of each new one';

insert into howdah.version (version) values (6);
