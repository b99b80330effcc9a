//! Whatever decoding accepts, PostgreSQL accepts too: one row that it refuses would fail the COPY
//! of a whole batch. Texts are random, near what each type reads.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use bytes::Bytes;
use howdah_stream::{Body, Decoder, Position, Raw};
use howdah_system::{ColumnType, Format, Origin};
use howdah_testkit::Cluster;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::decode::copy;
use crate::model::{column, decode, decode_again, decode_one, redis, source, stream};

/// How many texts each type is given.
const TEXTS: usize = 3_000;

fn runner() -> TestRunner {
    TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

fn texts(pattern: &str) -> Vec<String> {
    let strategy = proptest::string::string_regex(pattern).unwrap();
    let mut runner = runner();
    (0..TEXTS).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

#[tokio::test]
async fn postgresql_takes_every_row_that_decoding_makes() {
    let array = |kind| ColumnType::Array(Box::new(kind));
    let number = "[+-]?[0-9]{0,22}(\\.[0-9]{0,25})?([eE][+-]?[0-9]{1,3})?|[+-]?(nan|inf|Infinity)";
    let time = "(infinity|[0-9]{4,6}-[01][0-9]-[0-3][0-9])([T ][0-2][0-9]:[0-6][0-9](:[0-6][0-9]\
                (\\.[0-9]{1,9})?)?)?(Z|[+-][01][0-9](:?[0-6][0-9])?)?";
    let json = "[\\[{]?(\"[a-zé\\\\u0d8]{0,9}\"|[-0-9.eE]{1,9}|null|true)(:|,)?[0-9]{0,3}[\\]}]?";
    let literal = "\\{([a-z0-9 \"\\\\,.]|NULL|,){0,12}\\}?";
    let cases = [
        ("smallint", ColumnType::Int2, number),
        ("bigint", ColumnType::Int8, number),
        ("real", ColumnType::Float4, number),
        ("double precision", ColumnType::Float8, number),
        ("numeric", ColumnType::Numeric(None), number),
        ("numeric(18,8)", ColumnType::Numeric(Some((18, 8))), number),
        ("numeric(5,9)", ColumnType::Numeric(Some((5, 9))), number),
        ("numeric(3,-2)", ColumnType::Numeric(Some((3, -2))), number),
        ("character varying(5)", ColumnType::Varchar(5), "\\PC{0,8} {0,3}"),
        ("character(5)", ColumnType::Char(5), "\\PC{0,8} {0,3}"),
        ("text", ColumnType::Text, "(?s).{0,12}"),
        ("uuid", ColumnType::Uuid, "\\{?([0-9a-f]{4}-?){8}\\}?"),
        ("timestamp with time zone", ColumnType::Timestamptz, time),
        ("timestamp without time zone", ColumnType::Timestamp, time),
        ("date", ColumnType::Date, "[0-9]{4,6}-[01][0-9]-[0-3][0-9]"),
        ("json", ColumnType::Json, json),
        ("jsonb", ColumnType::Jsonb, json),
        ("bytea", ColumnType::Bytea, "(\\\\x|0x)[0-9a-fA-F]{0,9}"),
        ("inet", ColumnType::Inet, "([0-9]{1,3}(\\.[0-9]{1,3}){3}|[0-9a-f:]{2,9})(/[0-9]{1,3})?"),
        ("cidr", ColumnType::Cidr, "([0-9]{1,2}(\\.[0-9]){3}|[0-9a-f]{4}::)(/[0-9]{1,3})?"),
        ("text[]", array(ColumnType::Text), literal),
        ("integer[]", array(ColumnType::Int4), "\\{([0-9]{1,3},|NULL,){0,4}[0-9]?\\}"),
    ];
    let database = Cluster::shared().await.database().await;
    let connection = database.connect().await;
    // Nothing here outlives the test, and the many small commits need not wait for the disk.
    connection.batch_execute("set synchronous_commit = off").await.unwrap();
    for (type_name, kind, pattern) in cases {
        let stream = stream(vec![column("v", type_name, kind)]);
        let source = source(&stream, redis("k"), Format::Fields);
        let mut decoder = Decoder::new(&source, std::slice::from_ref(&stream)).unwrap();
        let rows: Vec<_> = texts(pattern)
            .into_iter()
            .filter_map(|text| {
                let at = (Bytes::from("at"), Bytes::from("2025-10-17T00:00:00Z"));
                let body = Body::Entry(vec![at, (Bytes::from("v"), text.into())]);
                decode_one(&mut decoder, Raw { position: Position("1-1".into()), body }).ok()
            })
            .collect();
        assert!(rows.len() > 50, "{type_name}: only {} of {TEXTS} were accepted", rows.len());
        let count = rows.len() as i64;
        connection
            .batch_execute(&format!(
                "drop table if exists t; create table t (at timestamptz, v {type_name})"
            ))
            .await
            .unwrap();
        copy(&connection, "t", rows).await;
        let stored = connection.query_one("select count(*) from t", &[]).await.unwrap();
        assert_eq!(stored.get::<_, i64>(0), count, "{type_name}");
    }
}

#[test]
fn random_bytes_never_panic() {
    let kinds = [
        ("numeric(18,8)", ColumnType::Numeric(Some((18, 8)))),
        ("jsonb", ColumnType::Jsonb),
        ("text[]", ColumnType::Array(Box::new(ColumnType::Text))),
        ("timestamp with time zone", ColumnType::Timestamptz),
        ("inet", ColumnType::Inet),
        ("uuid", ColumnType::Uuid),
        ("bytea", ColumnType::Bytea),
    ];
    let mut runner = runner();
    let bytes = proptest::collection::vec(proptest::num::u8::ANY, 0..40);
    let near = proptest::string::string_regex("[{}\\[\\]\",:\\\\ a-v0-9.eE+-]{0,40}").unwrap();
    for (type_name, kind) in kinds {
        let stream = stream(vec![column("v", type_name, kind)]);
        let json = source(&stream, Origin::Stdin, Format::Json);
        let csv = source(&stream, Origin::Stdin, Format::Csv);
        let mut json = Decoder::new(&json, std::slice::from_ref(&stream)).unwrap();
        let mut csv = Decoder::new(&csv, std::slice::from_ref(&stream)).unwrap();
        csv.set_header(&Bytes::from("at,v")).unwrap();
        for _ in 0..TEXTS {
            let raw = bytes.new_tree(&mut runner).unwrap().current();
            let text = near.new_tree(&mut runner).unwrap().current();
            let value = format!("{{\"at\":\"2025-10-17T00:00:00Z\",\"v\":{text}}}");
            let record = format!("2025-10-17T00:00:00Z,{text}");
            for event in [raw.into(), Bytes::from(text), value.into(), record.into()] {
                let _ = decode(&mut json, event.clone());
                let _ = decode(&mut csv, event.clone());
                let _ = decode_again(&mut json, &event);
                let _ = decode_again(&mut csv, &event);
            }
        }
    }
}
