//! Quantiles, different values and deviations: within their bounds, and the same however they came.

use crate::derived::shuffle;
use crate::engine::Engine;
use crate::rollups::Dice;

const TABLE: &str = "
create table readings (
    sensor text not null, at timestamptz not null, id bigint not null,
    value double precision, exact numeric, who text, reverses bigint
);
";

const SYSTEM: &str = r#"
[system]
name = "{db}"
[streams.readings]
time = "at"
key = ["id"]
accept = { future = "10 years" }
reverses = { id = "reverses" }
[sources.readings]
file = "r.ndjson"
into = "readings"
map = { at = { field = "at", as = "epoch s" } }
[rollups.shape]
from = "readings"
every = ["1 hour", "1 day"]
by = ["sensor"]
p05 = "quantile(0.05, value)"
p50 = "quantile(0.5, value)"
p99 = "quantile(0.99, value)"
high = "quantile(0.5, value) filter (where value > 100)"
people = "approx_distinct(who)"
sd = "stddev(value)"
var = "variance(exact)"
n = "count(value)"
[rollups.ever]
from = "readings"
by = ["sensor"]
p50 = "quantile(0.5, exact)"
people = "approx_distinct(who)"
sd = "stddev(exact)"

"#;

/// The quantile that a sketch is held against: the value of rank floor(p * (n - 1)).
fn exact(p: f64) -> String {
    format!(
        "(select (array_agg(v order by v))[1 + floor({p} * (count(*) - 1))::int] \
         from unnest(vs) v where v is not null)"
    )
}

async fn assert_within_bounds(engine: &Engine) {
    let wrong = engine
        .texts(&format!(
            "with e as (select sensor, date_bin('1 hour', at, '2000-01-01Z') as bucket, \
             array_agg(value) as vs, array_agg(value) filter (where value > 100) as hs, \
             count(distinct who) as people, stddev(value) as sd, variance(exact) as var \
             from readings group by 1, 2), \
             q as (select e.*, {} as e05, {} as e50, {} as e99 from e) \
             select s.sensor || ' ' || s.bucket from q join shape_1h s using (sensor, bucket) \
             where abs(s.p05 - e05) > abs(e05) * 0.0100001 \
             or abs(s.p50 - e50) > abs(e50) * 0.0100001 \
             or abs(s.p99 - e99) > abs(e99) * 0.0100001 \
             or (s.p50 is null) <> (e50 is null) or s.people <> q.people \
             or s.sd is distinct from q.sd and abs(s.sd - q.sd) > 1e-9 * q.sd \
             or (s.sd is null) <> (q.sd is null) \
             or s.var is distinct from q.var and abs(s.var - q.var) > 1e-12 * q.var",
            exact(0.05),
            exact(0.5),
            exact(0.99),
        ))
        .await;
    assert!(wrong.is_empty(), "{wrong:?}");
    let missing: i64 = engine
        .one(
            "select count(*) from (select distinct sensor, date_bin('1 hour', at, '2000-01-01Z') \
             from readings except select sensor, bucket from shape_1h) m",
        )
        .await;
    assert_eq!(missing, 0);
}

#[tokio::test]
async fn sketches_and_deviations_follow_events_that_come_and_go() {
    let engine = Engine::applied(TABLE, SYSTEM).await;
    let mut dice = Dice(41);
    let mut events: Vec<String> = (0..600)
        .map(|id| {
            let at = 1_774_000_000 + dice.below(20_000);
            let value = match dice.below(12) {
                0 => "null".to_owned(),
                1 => "0".to_owned(),
                2 => format!("-{}.25", dice.below(1000)),
                3 => format!("1e{}", dice.below(200) as i64 - 100),
                _ => format!("{}.5", dice.below(400)),
            };
            let reverses = match dice.below(9) {
                0 => dice.below(600).to_string(),
                _ => "null".to_owned(),
            };
            format!(
                r#"{{"sensor": "{}", "at": {at}, "id": {id}, "value": {value},
                "exact": "1000000.{}", "who": "p{}", "reverses": {reverses}}}"#,
                dice.pick(&["a", "b"]),
                dice.below(1000),
                dice.below(300),
            )
        })
        .collect();
    shuffle(&mut dice, &mut events);
    let mut feed = engine.feed("readings").await;
    let mut at = 0;
    while at < events.len() {
        let end = (at + 1 + dice.below(150) as usize).min(events.len());
        feed.commit(&events[at..end]).await;
        at = end;
        assert_within_bounds(&engine).await;
    }
    engine.assert_fold_is_rebuild().await;
    // Quantiles of one expression share its bins, and bins add up over rows.
    let sketches: i64 = engine
        .one(
            "select count(*) from information_schema.columns \
             where table_name = 'shape_1h' and column_name like '%sketch'",
        )
        .await;
    assert_eq!(sketches, 3, "of value, of value above 100, of who");
    let sums_up: bool = engine
        .one(
            "select bool_and(s.a = d.p50_sketch and s.b is not distinct from d.people) \
             from (select sensor, \
             date_trunc('day', bucket, 'UTC') as bucket, howdah.sketch_sum(p05_sketch) as a, \
             howdah.distinct_count(howdah.distinct_sum(people_sketch)) as b \
             from shape_1h group by 1, 2) s \
             join (select *, p05_sketch as p50_sketch from shape_1d) d using (sensor, bucket)",
        )
        .await;
    assert!(sums_up);
}

#[tokio::test]
async fn sketches_keep_their_bounds_over_shapes_of_data() {
    let engine = Engine::applied(TABLE, SYSTEM).await;
    let worst: f64 = engine
        .one(
            "with d(shape, v) as (
               select 'even', n::float8 from generate_series(1, 20000) n union all
               select 'steep', exp(n * 0.003) from generate_series(1, 20000) n union all
               select 'tiny', 1e-280 * n from generate_series(1, 2000) n union all
               select 'signs', (n - 5000)::float8 from generate_series(1, 10000) n union all
               select 'alike', 71.4 from generate_series(1, 100) n union all
               select 'one', -3.25),
             s as (select shape, howdah.sketch(array_agg(howdah.sketch_bin(v))) as sketch,
               array_agg(v order by v) as vs, count(*) as n from d group by shape),
             q as (select shape, vs[1 + floor(p * (n - 1))::int] as want,
               howdah.sketch_quantile(p, sketch) as have
               from s, unnest(array[0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999]) p)
             select max(case when want = have then 0 else abs(have - want) / abs(want) end) from q",
        )
        .await;
    assert!(worst > 0.005 && worst <= 0.010_000_01, "the worst relative error is {worst}");
    let exact: bool = engine
        .one(
            "select bool_and(howdah.distinct_count(howdah.distinct_of(h)) = n) from (select n, \
             (select array_agg(distinct hashtextextended((i % n)::text collate \"C\", 0)) \
             from generate_series(1, 3000) i) as h from unnest(array[1, 2, 500, 1023]) n) s",
        )
        .await;
    assert!(exact, "below 1,024 the count is exact");
    // 40 sets of 20,000: their errors have a mean near 0 and a deviation near 3.1 %.
    let row = engine
        .client
        .query_one(
            "select stddev(e)::float8, abs(avg(e))::float8, max(abs(e))::float8 from (select \
             howdah.distinct_count(howdah.distinct_of(array_agg(distinct \
             hashtextextended((s * 1000000 + i)::text collate \"C\", 0))))::float8 / 20000 - 1 \
             as e \
             from generate_series(1, 40) s, generate_series(1, 20000) i group by s) x",
            &[],
        )
        .await
        .unwrap();
    let (deviation, mean, most): (f64, f64, f64) = (row.get(0), row.get(1), row.get(2));
    assert!(deviation < 0.045 && mean < 0.02 && most < 0.11, "{deviation} {mean} {most}");
}

#[tokio::test]
async fn functions_for_readers() {
    let engine = Engine::applied(TABLE, SYSTEM).await;
    for (sql, want) in [
        // A day of 25 hours, by the clock of its zone.
        (
            "select string_agg(to_char(b at time zone 'UTC', 'DD HH24'), ',') from howdah.buckets(\
             '2026-10-24 12:00Z', '2026-10-26 12:00Z', '1 day', 'Europe/Berlin') b",
            "23 22,24 22,25 23",
        ),
        (
            "select string_agg(to_char(b at time zone 'UTC', 'HH24:MI'), ',') from howdah.buckets(\
             '2026-10-24 12:07Z', '2026-10-24 13:00Z', '15 minutes') b",
            "12:00,12:15,12:30,12:45",
        ),
        (
            "select string_agg(to_char(b at time zone 'UTC', 'YYYY-MM'), ',') from howdah.buckets(\
             '2026-11-24 12:07Z', '2027-01-02 13:00Z', '1 month') b",
            "2026-11,2026-12,2027-01",
        ),
        (
            "select string_agg(coalesce(l::text, '-'), ',' order by n) from (select n, \
             howdah.locf(v) over (order by n) as l from (values (1, null), (2, 5), (3, null), \
             (4, 7), (5, null)) d(n, v)) x",
            "-,5,5,7,7",
        ),
        (
            "select string_agg(e::text, ',' order by n) from (select n, howdah.ewma(v, 0.5) \
             over (order by n) as e from (values (1, 4.0::float8), (2, 8), (3, null), (4, 0)) \
             d(n, v)) x",
            "4,6,6,3",
        ),
        (
            "select concat_ws(',', \
             howdah.seconds_in('2026-01-01 05:59:30Z', '2026-01-01 07:00Z', p), \
             howdah.seconds_in('2026-01-01 13:59Z', '2026-01-02Z', p), \
             howdah.seconds_in('2026-01-02Z', '2026-01-03Z', p), \
             howdah.seconds_in('2026-01-01Z', '2026-01-03Z', 'empty')) \
             from (select tstzrange('2026-01-01 06:00Z', '2026-01-01 14:00Z') as p) s",
            "3600.000000,60.000000,0,0",
        ),
        (
            "select concat_ws(',', howdah.counter_delta(7, 5), howdah.counter_delta(3, 5), \
             howdah.counter_delta(null, 5) is null, round(howdah.rate(10, 4), 2), \
             howdah.rate(10, 0) is null)",
            "2,3,t,2.50,t",
        ),
    ] {
        assert_eq!(engine.texts(sql).await, [want], "{sql}");
    }
    let refused = engine.client.query("select howdah.buckets(now(), now(), '2 days')", &[]).await;
    assert!(refused.is_err(), "no rollup has buckets of two days");
}
