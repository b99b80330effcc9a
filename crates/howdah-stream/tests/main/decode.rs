//! For each type a table of texts: what we write in binary is what PostgreSQL reads of the text.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::SinkExt as _;
use howdah_pg::Connection;
use howdah_stream::decode::staged_as_text;
use howdah_stream::{Decoder, Row};
use howdah_system::{ColumnType, Format, Origin};
use howdah_testkit::Cluster;

use crate::model::{column, decode, source, stream};

/// A type and texts of it.
struct Case {
    type_name: &'static str,
    kind: ColumnType,
    /// Read by both, to the same value.
    same: &'static [&'static str],
    /// Refused by both.
    refused: &'static [&'static str],
    /// Refused by us alone.
    stricter: &'static [&'static str],
}

/// Sends rows through binary COPY.
pub async fn copy(connection: &Connection, into: &str, rows: impl IntoIterator<Item = Row>) {
    let sink =
        connection.copy_in(&format!("copy {into} from stdin (format binary)")).await.unwrap();
    let mut sink = std::pin::pin!(sink);
    let mut bytes = BytesMut::from(&b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0"[..]);
    for row in rows {
        bytes.put_slice(&row.copy);
    }
    bytes.put_i16(-1);
    sink.send(bytes.freeze()).await.unwrap();
    sink.finish().await.unwrap();
}

/// A JSON event with the text as the value of column `v`.
fn event(text: &str) -> String {
    let text = serde_json::to_string(text).unwrap();
    format!("{{\"at\":\"2025-10-17T00:00:00Z\",\"v\":{text}}}")
}

async fn check(connection: &Connection, case: &Case) {
    let Case { type_name, kind, same, refused, stricter } = case;
    let stream = stream(vec![column("v", type_name, kind.clone())]);
    // JSON types take a JSON string as a JSON string; CSV hands the text over as it is.
    let csv = matches!(kind, ColumnType::Json | ColumnType::Jsonb);
    let format = if csv { Format::Csv } else { Format::Json };
    let mut decoder =
        Decoder::new(&source(&stream, Origin::Stdin, format), std::slice::from_ref(&stream))
            .unwrap();
    if csv {
        decoder.set_header(&Bytes::from_static(b"at,v")).unwrap();
    }
    let event = |text: &str| {
        let quoted = text.replace('"', "\"\"");
        if csv { format!("2025-10-17T00:00:00Z,\"{quoted}\"") } else { event(text) }
    };
    for text in refused.iter().chain(*stricter) {
        assert!(decode(&mut decoder, event(text)).is_err(), "{type_name} took {text:?}");
    }
    let rows: Vec<Row> = same
        .iter()
        .map(|text| {
            decode(&mut decoder, event(text))
                .unwrap_or_else(|refusal| panic!("{type_name} {text:?}: {}", refusal.reason))
        })
        .collect();
    let staged = if staged_as_text(&stream.columns[1]) { "text" } else { type_name };
    connection
        .batch_execute(&format!(
            "drop table if exists t; create table t (at timestamptz, v {staged}, \
             n int generated always as identity)"
        ))
        .await
        .unwrap();
    copy(connection, "t (at, v)", rows).await;
    let ours = connection
        .query(&format!("select v::{type_name}::text from t order by n"), &[])
        .await
        .unwrap();
    let read = format!("select $1::text::{type_name}::text");
    for (row, text) in ours.iter().zip(*same) {
        let theirs: String = connection.query_one(&read, &[text]).await.unwrap().get(0);
        assert_eq!(row.get::<_, String>(0), theirs, "{type_name} {text:?}");
    }
    for text in *refused {
        let theirs = connection.query_one(&read, &[text]).await;
        assert!(theirs.is_err(), "PostgreSQL takes {text:?} as {type_name}");
    }
}

async fn check_all(cases: &[Case]) {
    let database = Cluster::shared().await.database().await;
    let connection = database.connect().await;
    connection
        .batch_execute(
            "set timezone = 'UTC'; set synchronous_commit = off; \
             create type side as enum ('buy', 'sell')",
        )
        .await
        .unwrap();
    for case in cases {
        check(&connection, case).await;
    }
}

const LONG: &str = "115792089237316195423570985008687907853269984665640564039457584007913129639935";

#[tokio::test]
async fn numbers_are_read_as_postgresql_reads_them() {
    check_all(&[
        Case {
            type_name: "smallint",
            kind: ColumnType::Int2,
            same: &["0", "-32768", "32767", " 7 ", "+7", "-0"],
            refused: &["", "32768", "1.0", "1e3", "x", "- 1"],
            stricter: &[],
        },
        Case {
            type_name: "bigint",
            kind: ColumnType::Int8,
            same: &["-9223372036854775808", "9223372036854775807"],
            refused: &["9223372036854775808", "1_0_"],
            stricter: &[],
        },
        Case {
            type_name: "real",
            kind: ColumnType::Float4,
            same: &["0.1", "1e38", "-1e-45", "NaN", "inf", "-Infinity", "1.", ".5", "16777217"],
            refused: &["1e39", "1e-50", "x", "", "1,5"],
            stricter: &[],
        },
        Case {
            type_name: "double precision",
            kind: ColumnType::Float8,
            same: &["0.1", "1e308", "5e-324", "nan", "infinity", "-inf", "0e999", "1e23"],
            refused: &["1e309", "1e-400", "1e", "--1"],
            stricter: &["0x10"],
        },
    ])
    .await;
}

#[tokio::test]
async fn numerics_are_read_as_postgresql_reads_them() {
    check_all(&[
        Case {
            type_name: "numeric",
            kind: ColumnType::Numeric(None),
            same: &[
                "0",
                "-0",
                "0.00",
                "1",
                "-1.50",
                "10000",
                "9999.9999",
                "0.0001",
                "0.00001",
                LONG,
                "1e10",
                "1.5e-20",
                "123456789.123456789",
                "NaN",
                "Infinity",
                "-inf",
                ".5",
                "5.",
                "000.0100",
                "1e-100",
                "1.0e+3",
                " 1 ",
                "1e13000",
            ],
            refused: &["", "x", "1e", "1.2.3", "e5", "1e200000"],
            stricter: &[],
        },
        Case {
            type_name: "numeric(18,8)",
            kind: ColumnType::Numeric(Some((18, 8))),
            same: &["61837.63", "1e-8", "-9999999999.99999999", "1.000000000"],
            refused: &["10000000000", "Infinity"],
            stricter: &["0.000000001", "1.999999999"],
        },
        Case {
            type_name: "numeric(78,0)",
            kind: ColumnType::Numeric(Some((78, 0))),
            same: &[LONG, "0", "1e77", "12.000"],
            refused: &["1e78"],
            stricter: &["0.5"],
        },
        Case {
            type_name: "numeric(38,18)",
            kind: ColumnType::Numeric(Some((38, 18))),
            same: &["1.000000000000000001", "99999999999999999999.999999999999999999"],
            refused: &["100000000000000000000"],
            stricter: &["0.0000000000000000001"],
        },
        Case {
            type_name: "numeric(3,-2)",
            kind: ColumnType::Numeric(Some((3, -2))),
            same: &["99900", "-100", "0"],
            refused: &["100000"],
            stricter: &["150"],
        },
    ])
    .await;
}

#[tokio::test]
async fn times_are_read_as_postgresql_reads_them() {
    check_all(&[
        Case {
            type_name: "timestamp with time zone",
            kind: ColumnType::Timestamptz,
            same: &[
                "2025-10-17T13:45:12.337Z",
                "2025-10-17 13:45:12+00",
                "2025-10-17 13:45:12.123456-05:30",
                "2025-10-17T13:45+0200",
                "2025-10-17 13:45:12 UTC",
                "2016-12-31T23:59:60Z",
                "2016-12-31T24:00:00Z",
                "1969-12-31T23:59:59.999999Z",
                "0001-01-01T00:00:00Z",
                "294276-12-31T23:59:59.999999Z",
                "2024-02-29T12:00:00+15:59",
                "2025-10-17T13:45:12.1234565Z",
                "2025-10-17T13:45:12.1234575Z",
                "2025-10-17T13:45:12.123456789Z",
                "2025-10-17T13:45:12.9999999Z",
                "infinity",
                "-infinity",
            ],
            refused: &[
                "",
                "x",
                "2025-02-29T00:00:00Z",
                "2025-13-01T00:00:00Z",
                "2025-10-17T25:00:00Z",
                "2025-10-17T13:60:00Z",
                "2025-10-17T13:45:61Z",
                "0000-01-01T00:00:00Z",
                "294277-01-01T00:00:00Z",
                "2025-10-17T13:45:12+16",
                "2025-10-17T13:45:12,5Z",
            ],
            stricter: &["2025-10-17T13:45:12", "2025-10-17", "now", "0044-03-15 12:00:00+00 BC"],
        },
        Case {
            type_name: "timestamp without time zone",
            kind: ColumnType::Timestamp,
            same: &["2025-10-17T13:45:12.337", "2025-10-17 13:45:12", "2025-10-17T13:45:12Z"],
            refused: &["2025-02-30 00:00:00"],
            stricter: &["today"],
        },
        Case {
            type_name: "date",
            kind: ColumnType::Date,
            same: &["2025-10-17", "2000-01-01", "0001-01-01", "294276-12-31", "infinity"],
            refused: &["2025-02-29", "x", ""],
            stricter: &["2025-10-17T00:00:00Z", "5874897-12-31"],
        },
    ])
    .await;
}

#[tokio::test]
async fn texts_and_identifiers_are_read_as_postgresql_reads_them() {
    check_all(&[
        Case {
            type_name: "boolean",
            kind: ColumnType::Bool,
            same: &[
                "t", "TRUE", "tr", "yes", "y", "on", "1", "f", "false", "no", "off", "of", "0",
                " t ",
            ],
            refused: &["", "o", "2", "truex", "nope"],
            stricter: &[],
        },
        Case {
            type_name: "text",
            kind: ColumnType::Text,
            same: &["", " a ", "héllo", "\u{1F600}", "a\nb\t\\"],
            refused: &[],
            stricter: &["a\0"],
        },
        Case {
            type_name: "uuid",
            kind: ColumnType::Uuid,
            same: &[
                "1f0c7a52-8a33-4f0f-9a10-5d0f62f7b001",
                "1F0C7A528A334F0F9A105D0F62F7B001",
                "{1f0c7a52-8a33-4f0f-9a10-5d0f62f7b001}",
                "1f0c-7a52-8a33-4f0f-9a10-5d0f-62f7-b001",
            ],
            refused: &[
                "",
                "1f0c7a52-8a33",
                "{1f0c7a52-8a33-4f0f-9a10-5d0f62f7b001",
                "g",
                "1f-0c7a528a334f0f9a105d0f62f7b001",
            ],
            stricter: &[],
        },
    ])
    .await;
}

#[tokio::test]
async fn bytes_and_addresses_are_read_as_postgresql_reads_them() {
    check_all(&[
        Case {
            type_name: "bytea",
            kind: ColumnType::Bytea,
            same: &["\\x", "\\xDEADbeef"],
            refused: &["\\xabc", "\\xgg"],
            stricter: &["abc", "\\x de"],
        },
        Case {
            type_name: "inet",
            kind: ColumnType::Inet,
            same: &[
                "10.1.2.3",
                "10.1.2.3/8",
                "::1",
                "2001:db8::1/64",
                "::ffff:1.2.3.4",
                "0.0.0.0/0",
            ],
            refused: &["", "x", "10.1.2.3/33", "::1/129", "1.2.3.4/", "256.0.0.1"],
            stricter: &[],
        },
        Case {
            type_name: "cidr",
            kind: ColumnType::Cidr,
            same: &["10.0.0.0/8", "10.1.2.3", "2001:db8::/32", "0.0.0.0/0", "::/0"],
            refused: &["10.1.2.3/8", "2001:db8::1/32"],
            stricter: &["10.1"],
        },
    ])
    .await;
}

#[tokio::test]
async fn labels_and_documents_are_read_as_postgresql_reads_them() {
    check_all(&[
        Case {
            type_name: "side",
            kind: ColumnType::Enum(vec!["buy".into(), "sell".into()]),
            same: &["buy", "sell"],
            refused: &["", "Buy", " buy"],
            stricter: &[],
        },
        Case {
            type_name: "json",
            kind: ColumnType::Json,
            same: &["{\"a\": 1}", "[]", "1", "\"a\\u0000\"", " null ", "\"\\ud800\""],
            refused: &["{", "01", "{a:1}", "1 2"],
            stricter: &[],
        },
        Case {
            type_name: "jsonb",
            kind: ColumnType::Jsonb,
            same: &[
                "{\"b\":1,\"a\":2,\"a\":3}",
                "1.50",
                "1e5",
                "\"\\ud83d\\ude00\"",
                "null",
                "[1, {}]",
            ],
            refused: &["{", "\"\\u0000\"", "\"\\ud800\"", "1e200000"],
            stricter: &[],
        },
        Case {
            type_name: "interval",
            kind: ColumnType::Other,
            same: &["1 day", "01:02:03"],
            refused: &[],
            stricter: &[],
        },
    ])
    .await;
}

#[tokio::test]
async fn arrays_are_read_as_postgresql_reads_them() {
    let array = |kind| ColumnType::Array(Box::new(kind));
    check_all(&[
        Case {
            type_name: "bigint[]",
            kind: array(ColumnType::Int8),
            same: &["{}", "{1,2}", "{ 1 , NULL }", "{\"3\"}"],
            refused: &["{1", "{x}", "{,}", "1,2", "{1}{"],
            stricter: &["{{1},{2}}", "[0:1]={1,2}"],
        },
        Case {
            type_name: "numeric(38,18)[]",
            kind: array(ColumnType::Numeric(Some((38, 18)))),
            same: &["{3921.44,null,0.5}"],
            refused: &["{1e30}"],
            stricter: &[],
        },
        Case {
            type_name: "text[]",
            kind: array(ColumnType::Text),
            same: &["{a,\"b,c\",\"NULL\",null,\"q\\\"\\\\\",x y}", "{\"\"}"],
            refused: &["{\"a}", "{a\"b}"],
            stricter: &[],
        },
        Case {
            type_name: "timestamp with time zone[]",
            kind: array(ColumnType::Timestamptz),
            same: &["{2025-10-17T13:45:12.337Z}"],
            refused: &[],
            stricter: &["{2025-10-17}"],
        },
        Case {
            type_name: "side[]",
            kind: array(ColumnType::Enum(vec!["buy".into(), "sell".into()])),
            same: &["{buy,NULL,sell}", "{}"],
            refused: &["{hold}"],
            stricter: &[],
        },
        Case {
            type_name: "uuid[]",
            kind: array(ColumnType::Uuid),
            same: &["{1f0c7a52-8a33-4f0f-9a10-5d0f62f7b001}"],
            refused: &["{1}"],
            stricter: &[],
        },
    ])
    .await;
}

#[tokio::test]
async fn json_values_become_columns() {
    let database = Cluster::shared().await.database().await;
    let connection = database.connect().await;
    let stream = stream(vec![
        column("prices", "numeric[]", ColumnType::Array(Box::new(ColumnType::Numeric(None)))),
        column("doc", "jsonb", ColumnType::Jsonb),
        column("note", "text", ColumnType::Text),
        column("flag", "boolean", ColumnType::Bool),
        column("n", "integer", ColumnType::Int4),
        column("code", "character(4)", ColumnType::Char(4)),
    ]);
    let mut decoder =
        Decoder::new(&source(&stream, Origin::Stdin, Format::Json), std::slice::from_ref(&stream))
            .unwrap();
    let text = r#"{"at":"2025-10-17T00:00:00Z","prices":["3921.440",1e2,null],
        "doc":{"a":[1.10,"x"]},"note":{"kept": "as text"},"flag":true,"n":"42","code":"ab"}"#;
    let row = decode(&mut decoder, text).unwrap();
    let string = decode(&mut decoder, r#"{"at":"2025-10-17T00:00:00Z","doc":"a\"b"}"#).unwrap();
    connection
        .batch_execute(
            "create table t (at timestamptz, prices numeric[], doc jsonb, note text, flag bool, \
             n int, code char(4))",
        )
        .await
        .unwrap();
    copy(&connection, "t", [row, string]).await;
    let rows = connection.query("select row(t.*)::text from t order by n", &[]).await.unwrap();
    assert_eq!(
        rows[0].get::<_, String>(0),
        "(\"2025-10-17 00:00:00+00\",\"{3921.440,100,NULL}\",\"{\"\"a\"\": [1.10, \"\"x\"\"]}\",\
         \"{\"\"kept\"\": \"\"as text\"\"}\",t,42,\"ab  \")"
    );
    assert_eq!(
        rows[1].get::<_, String>(0),
        "(\"2025-10-17 00:00:00+00\",,\"\"\"a\\\\\"\"b\"\"\",,,,)"
    );
}
