//! Random rows of every type: what history gives is what the chunk held, bit for bit.

use std::collections::BTreeSet;

use howdah_testkit::Cuts;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use crate::rig::Rig;

/// One chunk for all of time, so that times may be anything.
pub const TABLE: &str = "
create type mood as enum ('sad', 'ok', 'very happy');
create type pair as (a int, b text);
create table events (n bigint not null, at timestamptz not null, k text, i2 int2, i4 int4, i8 int8,
    f4 real, f8 double precision, nu numeric, nd numeric(12,3), tx text, vc varchar(8), bc char(5),
    bo boolean, u uuid, d date, tz timestamptz, ts timestamp, iv interval, j json, jb jsonb,
    ba bytea, ar int[], ta text[], m mood, p pair, ip inet, doubled numeric generated always as (nu)
    stored, unique (n, at)) partition by range (at);
create table events_all partition of events for values from (minvalue) to (maxvalue);
";

pub const SYSTEM: &str = r#"
[system]
name = "{db}"
[streams.events]
time = "at"
key = ["n"]
segment = { after = "1 day", by = ["k"] }
"#;

/// What the tables of a case leave.
pub const RESET: &str = "truncate events; drop function howdah_chunks.events_thaw;
    drop function events_between; drop view events_history;
    delete from howdah.layouts; delete from howdah.folded; delete from howdah.folds;";

/// One of `values`.
fn one_of<'a>(dice: &mut Cuts, values: &[&'a str]) -> &'a str {
    values[dice.below(values.len() as u64) as usize]
}

/// Values of a column: how wild they are is the column's for the whole case.
fn value(dice: &mut Cuts, column: &str, wild: u64, row: u64) -> String {
    let small = || format!("{}", row % 50);
    let quoted = |text: &str| format!("'{text}'");
    let wide = dice.below(1 << 62);
    if wild > 0 && dice.below(6) == 0 {
        return "null".to_owned();
    }
    match (column, wild) {
        ("i2" | "i4" | "i8" | "f4" | "f8" | "nu", 0) => small(),
        ("i2", _) => one_of(dice, &["-32768", "32767", "0", "7"]).to_owned(),
        ("i4", 1) => format!("{}", 100_000 + row),
        ("i4", _) => one_of(dice, &["-2147483648", "2147483647", "-1", "0"]).to_owned(),
        ("i8", 1) => format!("{}", 7_000_000_000_000 + row * 100_000),
        ("i8", _) => one_of(dice, &["-9223372036854775808", "9223372036854775807", "5"]).to_owned(),
        ("f4" | "f8", 1) => format!("{}.{:02}", row % 90, row % 100),
        ("f8", 2) => format!("'{}'", f64::from_bits(wide).to_string().replace("inf", "Infinity")),
        ("f4" | "f8", _) => quoted(one_of(dice, FLOATS)),
        ("nu", 1) => format!("{}.{:03}", row % 77, row % 1000),
        ("nu", 2) => one_of(dice, &["1.50", "1.5", "1.500000", "-0.0", "00", "3"]).to_owned(),
        ("nu", _) => quoted(one_of(dice, NUMERICS)),
        ("nd", 0..=2) => format!("{}.{:03}", wide % 1_000_000, wide % 1_000),
        ("nd", _) => {
            one_of(dice, &["999999999.999", "-999999999.999", "0.001", "'NaN'"]).to_owned()
        }
        ("d", 0 | 1) => format!("date '2026-01-01' + {}", row % 400),
        ("d", _) => {
            quoted(one_of(dice, &["infinity", "-infinity", "4713-01-01 BC", "5874897-12-31"]))
        }
        ("tz" | "ts", 0) => {
            format!("'2026-01-01 00:00:00+00'::timestamptz + {row} * interval '1 s'")
        }
        ("tz" | "ts", 1) => format!(
            "'2026-01-01 00:00:00+00'::timestamptz + {} * interval '1 us'",
            wide % 100_000_000_000_000
        ),
        ("tz" | "ts", _) => quoted(one_of(dice, TIMES)),
        ("bo", _) => one_of(dice, &["true", "false"]).to_owned(),
        ("u", _) => format!("'{:08x}-0000-4000-8000-{:012x}'", wide % (1 << 32), wide % (1 << 48)),
        ("iv", _) => quoted(one_of(dice, &["1 mon -1 day", "-00:00:00.000001", "178000000 years"])),
        ("j", _) => quoted(one_of(dice, &["{\"a\" :1,\"a\":2}", " [ ] ", "\"\\u00e9\"", "1.0"])),
        ("jb", _) => {
            quoted(one_of(dice, &["{\"b\":1.50,\"a\":[]}", "null", "[]", "\"ü\"", "1e400"]))
        }
        ("ba", 0) => format!("decode(md5('{row}'), 'hex')"),
        ("ba", _) => quoted(one_of(dice, &["", "\\x00", "\\xdeadbeef", "\\xff00ff"])),
        ("ar", _) => quoted(one_of(dice, &["{}", "{1,NULL,3}", "[0:1]={5,6}", "{{1,2},{3,4}}"])),
        ("ta", _) => quoted(one_of(dice, &["{}", "{\"a,b\",\"\\\\\",\"\",NULL,\"NULL\"}", "{ü}"])),
        ("m", _) => quoted(one_of(dice, &["sad", "ok", "very happy"])),
        ("p", _) => quoted(one_of(dice, &["(1,)", "(,\"\")", "(,)", "(-5,\"a \"\"b\"\", c\")"])),
        ("ip", _) => quoted(one_of(dice, &["10.0.0.1", "10.0.0.1/8", "::1", "fe80::/10"])),
        (_, 0) => quoted(one_of(dice, &["buy", "sell"])),
        (_, _) => quoted(one_of(dice, &["", " ", "ä€𝄞", "a\u{1}b", "x  ", "\\", "{", "%s"])),
    }
}

const FLOATS: &[&str] = &[
    "-0.0",
    "0.0",
    "NaN",
    "Infinity",
    "-Infinity",
    "1e-45",
    "3.4028235e38",
    "0.1",
    "1.1754944e-38",
    "123456.7",
];
const NUMERICS: &[&str] = &[
    "NaN",
    "Infinity",
    "-Infinity",
    "1e131000",
    "-1e131000",
    "1e-16000",
    "0.000",
    "0.123456789012345678901234567890",
    "9223372036854775808",
    "-9223372036854775809",
];
const TIMES: &[&str] = &[
    "infinity",
    "-infinity",
    "4713-01-01 00:00:00 BC",
    "294276-12-31 23:59:59.999999",
    "1949-12-31 23:59:59.999999",
    "2049-12-31 23:59:59.999999",
    "2050-01-01",
    "1950-01-01",
];

const COLUMNS: [&str; 24] = [
    "i2", "i4", "i8", "f4", "f8", "nu", "nd", "tx", "vc", "bc", "bo", "u", "d", "tz", "ts", "iv",
    "j", "jb", "ba", "ar", "ta", "m", "p", "ip",
];

/// The statement that fills the chunk.
pub fn rows(seed: u64, count: u64) -> String {
    let mut dice = Cuts::new(seed);
    let wild: Vec<u64> = COLUMNS.iter().map(|_| dice.below(4)).collect();
    let (keys, times) = (1 + dice.below(3), dice.below(3));
    let row = |row: u64, dice: &mut Cuts| {
        let at = match times {
            0 => format!("'2026-01-01 00:00:00+00'::timestamptz + {row} * interval '100 ms'"),
            1 => format!(
                "'2026-01-01 00:00:00+00'::timestamptz + {} * interval '1 us'",
                dice.below(1 << 40)
            ),
            _ => format!("'{}'", one_of(dice, TIMES)),
        };
        let key = match dice.below(keys) {
            0 => "'a'",
            1 => "null",
            _ => "''",
        };
        let values: Vec<String> = COLUMNS
            .iter()
            .zip(&wild)
            .map(|(column, wild)| value(dice, column, *wild, row))
            .collect();
        format!("({row}, {at}, {key}, {})", values.join(", "))
    };
    let rows: Vec<String> = (0..count).map(|n| row(n, &mut dice)).collect();
    format!("insert into events values {}", rows.join(", "))
}

/// Every row in binary form: types, scales, signs of zero, texts of json.
pub async fn bits(rig: &Rig, relation: &str) -> Vec<String> {
    rig.texts(&format!(
        "select encode(record_send(t), 'hex') from (select * from {relation}) t order by n"
    ))
    .await
}

async fn holds(
    rig: &Rig,
    seed: u64,
    count: u64,
    codes: &mut BTreeSet<String>,
) -> Result<(), String> {
    rig.run(&rows(seed, count)).await;
    let before = bits(rig, "events").await;
    let finite = bits(rig, "events where at < 'infinity'").await;
    let folded = rig.fold_every().await;
    let history = bits(rig, "events_history").await;
    let between = bits(rig, "events_between('-infinity', 'infinity')").await;
    codes.extend(
        rig.texts(
            "select distinct coalesce((select min(k) from jsonb_object_keys(case \
             jsonb_typeof(c->'code') when 'object' then c->'code' end) k), c->>'code') \
             from howdah.layouts, jsonb_array_elements(columns->'coded') c",
        )
        .await,
    );
    let tables = rig
        .texts("select 'drop table ' || relation || ';' from howdah.layouts order by layout")
        .await;
    let restored = rig.restore_all().await;
    let after = bits(rig, "events_all").await;
    rig.run(&format!("{RESET} {}", tables.concat())).await;
    if (folded, restored) != (count as i64, count as i64) {
        return Err(format!("{folded} folded, {restored} restored of {count}"));
    }
    for (what, found) in [("history", history), ("a restored chunk", after)] {
        if let Some(at) = (0..before.len()).find(|at| found.get(*at) != before.get(*at)) {
            return Err(format!(
                "row {at} of {what} differs\n{:?}\n{:?}",
                before[at],
                found.get(at)
            ));
        }
    }
    // `infinity` itself is not before it.
    if between != finite {
        return Err("a range of times differs".to_owned());
    }
    Ok(())
}

#[test]
fn what_was_folded_is_read_and_restored_bit_for_bit() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let rig = runtime.block_on(Rig::new(TABLE, SYSTEM));
    let codes = std::cell::RefCell::new(BTreeSet::new());
    let config = Config { cases: 16, failure_persistence: None, ..Config::default() };
    // The same cases each time, so that the codes which they take are the same.
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let cases = (any::<u64>(), prop_oneof![1..20_u64, 900..1300_u64]);
    let result = runner.run(&cases, |(seed, count)| {
        runtime
            .block_on(holds(&rig, seed, count, &mut codes.borrow_mut()))
            .map_err(TestCaseError::fail)
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let codes = codes.into_inner();
    for code in ["plain", "text", "joined", "whole", "decimal", "float", "time"] {
        assert!(codes.contains(code), "no case has taken {code}: {codes:?}");
    }
}

/// One chunk of numbered texts.
const TEXTS: &str = "
create table events (n bigint not null, at timestamptz not null, k numeric, tx text,
    unique (n, at)) partition by range (at);
create table events_all partition of events for values from (minvalue) to (maxvalue);
";

/// Its rows, in short.
async fn numbered(rig: &Rig, from: &str) -> Vec<String> {
    rig.texts(&format!("select n || ' ' || k || ' ' || md5(tx) from {from} order by n")).await
}

/// Numbers that are equal and printed differently, in the column that segments are found by; and
/// rows so wide that a segment ends before it is full.
const WIDE: &str = "
insert into events select n, '2026-01-01'::timestamptz + n * interval '1 s',
    case when n % 2 = 0 then 1.0 else 1.00 end, repeat(md5(n::text), 3000)
    from generate_series(1, 400) n;
";

#[tokio::test]
async fn equal_keys_keep_their_digits_and_wide_rows_make_smaller_segments() {
    let rig = Rig::new(&format!("{TEXTS}{WIDE}"), SYSTEM).await;
    let before = numbered(&rig, "events").await;
    assert_eq!(rig.fold_every().await, 400);
    assert_eq!(numbered(&rig, "events_history").await, before);
    let segments: i64 = rig.one("select count(*) from events_segments_1").await;
    // 38 MB of text, 16 at a time of each key.
    assert_eq!(segments, 4);
    assert_eq!(rig.restore_all().await, 400);
    assert_eq!(numbered(&rig, "events_all").await, before);
}

/// Forty keys whose open segments would need 80 MB, of which the server, not having analyzed them,
/// thinks that there is little.
const CROWDED: &str = "
alter table events_all set (autovacuum_enabled = off);
insert into events select n, '2026-01-01'::timestamptz + n * interval '1 s', n % 40,
    repeat(md5(n::text), 40)
    from generate_series(1, 64000) n;
";

#[tokio::test]
async fn more_keys_than_memory_are_folded_one_after_the_other() {
    let rig = Rig::new(&format!("{TEXTS}{CROWDED}"), SYSTEM).await;
    let before = numbered(&rig, "events").await;
    assert_eq!(rig.fold_every().await, 64_000);
    assert!(numbered(&rig, "events_history").await == before);
    // They were read by key: so they lie, and whole.
    let lie = "select k::text from events_segments_1 order by ctid";
    let sorted: Vec<String> = (0..40).map(|k| k.to_string()).collect();
    assert_eq!(rig.texts(lie).await, sorted);
}
