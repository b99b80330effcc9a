//! Every measure, bucket and time zone: folded, rebuilt, proved, and equal to a computation that is
//! written by hand here.

use crate::engine::Engine;

const TABLE: &str = r#"
create table events (
    id bigint not null, at timestamptz not null, seq int not null, k text collate "C", g int,
    i2 smallint, i4 int, i8 bigint, nu numeric, big numeric(78,0), f4 real, f8 float8,
    word text collate "de-x-icu", ts timestamptz, ok boolean,
    unique (id, at)
);
"#;

/// Every kind of measure; `{head}` gives name, buckets, key and zone.
const MEASURES: &str = r#"
from = "events"
n = "count(*)"
n_i4 = "count(i4)"
n_ok = "count(*) filter (where ok)"
s2 = "sum(i2)"
s4 = "sum(i4)"
s8 = "sum(i8)"
snu = "sum(nu)"
sbig = "sum(big)"
sf4 = "sum(f4)"
sf8 = "sum(f8)"
s_ok = "sum(i4) filter (where ok)"
a4 = "avg(i4)"
anu = "avg(nu)"
af8 = "avg(f8)"
lo = "min(nu)"
hi = "max(nu)"
lobig = "min(big)"
hibig = "max(big)"
lof8 = "min(f8)"
hif8 = "max(f8)"
loword = "min(word)"
hiword = "max(word)"
lots = "min(ts)"
hits = "max(ts)"
one = "first(i4)"
end = "last(word)"
one_ok = "first(nu) filter (where ok)"
end_ok = "last(nu) filter (where ok)"
"#;

/// The same by hand over the rows `e` of one group; ends are looked up, not aggregated.
fn by_hand(bucket: &str, key: &str, filter: &str) -> String {
    let end = |value: &str, condition: &str, direction: &str| {
        format!(
            "(select x.{value} from events x where x.k is not distinct from e.k \
             and {} is not distinct from e.b and {} and {condition} \
             order by x.at {direction}, x.seq {direction}, x.id {direction} limit 1)",
            bucket.replace('@', "x.at"),
            filter.replace("g ", "x.g "),
        )
    };
    let bucket = bucket.replace('@', "at");
    format!(
        "select e.k, {key} count(*), count(i4), count(*) filter (where ok), sum(i2), sum(i4), \
         sum(i8), sum(nu), sum(big), sum(f4::numeric), sum(f8::numeric), \
         sum(i4) filter (where ok), avg(i4), avg(nu), avg(f8::numeric)::float8, min(nu), max(nu), \
         min(big), max(big), min(f8), max(f8), min(word), max(word), min(ts), max(ts), {}, {}, {}, \
         {} from (select *, {bucket} as b from events where {filter}) e group by e.k, e.b",
        end("i4", "true", "asc"),
        end("word", "true", "desc"),
        end("nu", "x.ok", "asc"),
        end("nu", "x.ok", "desc"),
    )
}

const KEPT: &str = "n, n_i4, n_ok, s2, s4, s8, snu, sbig, sf4, sf8, s_ok, a4, anu, af8, lo, hi, \
    lobig, hibig, lof8, hif8, loword, hiword, lots, hits, one, \"end\", one_ok, end_ok";

/// A stream of numbers from a seed.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    pub fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }
}

fn events(dice: &mut Dice, count: u64, extremes: bool) -> Vec<String> {
    // Around the changes of daylight saving in New York, the ends of a month and of a year.
    let bases = [1_762_063_200_u64, 1_772_953_200, 1_769_817_600, 1_767_225_600];
    (0..count)
        .map(|id| {
            let at = bases[dice.below(4) as usize] + dice.below(200) * 613 % 86_400;
            let mut event = format!(r#"{{"id": {id}, "at": {at}, "seq": {}"#, dice.below(3));
            let mut field = |name: &str, value: String| {
                event.push_str(&format!(r#", "{name}": {value}"#));
            };
            field("k", dice.pick(&["\"a\"", "\"B\"", "null", "\"ä\""]).to_owned());
            field("g", dice.below(3).to_string());
            field("i2", (dice.below(60_000) as i64 - 30_000).to_string());
            field("i4", dice.pick(&["1", "-2147483648", "2147483647", "null", "7"]).to_owned());
            field("i8", dice.pick(&["9223372036854775807", "-9", "null", "12"]).to_owned());
            field("nu", format!("\"{}.{:018}\"", dice.below(1000), dice.below(1_000_000)));
            field("big", format!("\"{}\"", "9".repeat(dice.below(78) as usize + 1)));
            let floats = if extremes {
                &["\"NaN\"", "\"Infinity\"", "\"-Infinity\"", "0.1"][..]
            } else {
                &["0.1", "1e300", "-1e-300", "-0.0", "null", "3.3333333333333335"]
            };
            field("f8", dice.pick(floats).to_owned());
            field("f4", dice.pick(&["0.1", "16777217", "null", "-3.25"]).to_owned());
            let words = ["\"Zebra\"", "\"ähnlich\"", "\"apfel\"", "\"Apfel\"", "\"zebra\"", "null"];
            field("word", dice.pick(&words).to_owned());
            field("ts", format!("\"2026-01-{:02}T00:00:00.{:06}Z\"", dice.below(28) + 1, id));
            field("ok", dice.pick(&["true", "false", "null"]).to_owned());
            event.push('}');
            event
        })
        .collect()
}

/// `(rollup, suffix, the bucket by hand)`.
fn levels() -> Vec<(&'static str, &'static str, String)> {
    let trunc = |field: &str, zone: &str| {
        format!("(date_trunc('{field}', @ at time zone '{zone}') at time zone '{zone}')")
    };
    let bin = |seconds: u32| {
        format!("to_timestamp(floor(extract(epoch from @) / {seconds}) * {seconds})")
    };
    let mut out = vec![
        ("utc", "1m", bin(60)),
        ("utc", "15m", bin(900)),
        ("utc", "1h", bin(3600)),
        ("utc", "1d", trunc("day", "UTC")),
        ("utc", "1w", trunc("week", "UTC")),
        ("utc", "1mo", trunc("month", "UTC")),
        ("state", "", "null::timestamptz".to_owned()),
    ];
    for (name, zone) in [("ny", "America/New_York"), ("kolkata", "Asia/Kolkata")] {
        out.push((name, "1h", bin(3600)));
        for (suffix, field) in [("1d", "day"), ("1w", "week"), ("1mo", "month")] {
            out.push((name, suffix, trunc(field, zone)));
        }
    }
    out
}

fn system(chunk: &str) -> String {
    let mut text = format!(
        "[system]\nname = \"{{db}}\"\n[streams.events]\ntime = \"at\"\nkey = [\"id\"]\n\
         order = [\"seq\"]\nchunk = \"{chunk}\"\naccept = {{ past = \"10 years\" }}\n\
         [sources.events]\nfile = \"e.ndjson\"\ninto = \"events\"\n\
         [sources.events.map]\nat = {{ field = \"at\", as = \"epoch s\" }}\n"
    );
    for (head, every) in [
        (
            "utc",
            "every = [\"1 minute\", \"15 minutes\", \"1 hour\", \"1 day\", \"1 week\", \
          \"1 month\"]\nwhere = \"g < 2\"\n",
        ),
        (
            "ny",
            "every = [\"1 hour\", \"1 day\", \"1 week\", \"1 month\"]\n\
          timezone = \"America/New_York\"\n",
        ),
        (
            "kolkata",
            "every = [\"1 hour\", \"1 day\", \"1 week\", \"1 month\"]\n\
          timezone = \"Asia/Kolkata\"\n",
        ),
        ("state", ""),
    ] {
        text.push_str(&format!("[rollups.{head}]\nby = [\"k\"]\n{every}{MEASURES}\n"));
    }
    text
}

async fn assert_by_hand(engine: &Engine) {
    for (rollup, suffix, bucket) in levels() {
        let (table, key, kept_key) = if suffix.is_empty() {
            (rollup.to_owned(), "", "")
        } else {
            (format!("{rollup}_{suffix}"), "e.b,", "bucket,")
        };
        let filter = if rollup == "utc" { "g < 2" } else { "true" };
        let hand = by_hand(&bucket, key, filter);
        let kept = format!("select k, {kept_key} {KEPT} from {table}");
        for (a, b) in [(&hand, &kept), (&kept, &hand)] {
            let differ = engine
                .texts(&format!("select t::text from (({a}) except all ({b})) t limit 3"))
                .await;
            assert!(differ.is_empty(), "{table}: {differ:?}");
        }
    }
}

#[tokio::test]
async fn every_measure_bucket_and_zone_equals_a_computation_by_hand() {
    for (chunk, extremes) in [("1 day", false), ("1 month", true)] {
        let engine = Engine::applied(TABLE, &system(chunk)).await;
        let mut feed = engine.feed("events").await;
        let mut dice = Dice(7);
        let mut events = events(&mut dice, 300, extremes);
        for index in (1..events.len()).rev() {
            events.swap(index, dice.below(index as u64 + 1) as usize);
        }
        for batch in events.chunks(41) {
            let outcome = feed.commit(batch).await;
            assert_eq!((outcome.rows, outcome.dead_letters), (batch.len() as u64, 0));
        }
        assert_by_hand(&engine).await;
        // Everything once more changes nothing.
        let outcome = feed.commit(&events).await;
        assert_eq!((outcome.rows, outcome.duplicates), (0, 300));
        engine.assert_fold_is_rebuild().await;
        assert_by_hand(&engine).await;
    }
}

#[tokio::test]
async fn a_proof_finds_every_kind_of_damage() {
    let engine = Engine::applied(TABLE, &system("1 day")).await;
    let mut feed = engine.feed("events").await;
    feed.commit(&events(&mut Dice(9), 50, false)).await;
    for damage in [
        "update utc_1m set n = n + 1 where bucket = (select min(bucket) from utc_1m)",
        "delete from utc_1m where bucket = (select max(bucket) from utc_1m)",
        "insert into utc_1m (k, bucket, n) values ('zz', now(), 1)",
        "update utc_1m set one_seq = one_seq + 1",
        "update utc_1m set loword = 'A' where bucket = (select min(bucket) from utc_1m)",
    ] {
        engine.assert_proved().await;
        engine.run(damage).await;
        let proofs = engine.proofs().await;
        let wrong: Vec<_> = proofs.iter().filter(|proof| !proof.holds()).collect();
        assert_eq!(wrong.len(), 1, "{damage}: {wrong:?}");
        assert_eq!(wrong[0].relation, "utc_1m");
        assert!(!wrong[0].keys.is_empty());
        engine.rebuild("utc", 0).await;
    }
    engine.assert_proved().await;
}
