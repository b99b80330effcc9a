//! Random numbers go through PostgreSQL and come back digit by digit.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use howdah_stream::{Decoder, Row};
use howdah_system::{ColumnType, Format, Origin};
use howdah_testkit::Cluster;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, TestRunner};

use crate::decode::copy;
use crate::model::{column, decode, source, stream};

/// How many numbers go through one COPY.
const NUMBERS: usize = 20_000;

#[tokio::test]
async fn numerics_keep_every_digit() {
    let shapes =
        "[+-]?([0-9]{1,90}|[0-9]{0,45}\\.[0-9]{1,60}|0\\.0{0,12}[0-9]{1,9})(e[+-]?[0-9]{1,2})?";
    let strategy = proptest::string::string_regex(shapes).unwrap();
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    let texts: Vec<String> =
        (0..NUMBERS).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect();

    let database = Cluster::shared().await.database().await;
    let connection = database.connect().await;
    let stream = stream(vec![column("v", "numeric", ColumnType::Numeric(None))]);
    let mut decoder =
        Decoder::new(&source(&stream, Origin::Stdin, Format::Json), std::slice::from_ref(&stream))
            .unwrap();
    let rows: Vec<Row> = texts
        .iter()
        .map(|text| {
            let event = format!("{{\"at\":\"2025-10-17T00:00:00Z\",\"v\":\"{text}\"}}");
            decode(&mut decoder, event).unwrap_or_else(|r| panic!("{text}: {}", r.reason))
        })
        .collect();
    connection
        .batch_execute(
            "create table ours (at timestamptz, v numeric, n int generated always as identity)",
        )
        .await
        .unwrap();
    copy(&connection, "ours (at, v)", rows).await;
    let differing = connection
        .query(
            "select t.text from unnest($1::text[]) with ordinality t (text, n) \
             join ours using (n) where ours.v::text <> t.text::numeric::text",
            &[&texts],
        )
        .await
        .unwrap();
    let differing: Vec<String> = differing.iter().map(|row| row.get(0)).collect();
    assert!(differing.is_empty(), "{} differ: {:?}", differing.len(), differing.first());
}
