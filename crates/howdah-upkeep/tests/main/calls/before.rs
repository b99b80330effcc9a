//! The reviewed design builds on a stock PostgreSQL, takes the feed, and has the faults that the
//! review found.

use std::collections::BTreeMap;
use std::path::Path;

use howdah_feed::{Event, Options, events};
use howdah_pg::Connection;
use howdah_testkit::Cluster;
use serde_json::Value;
use tokio_postgres::types::Type;

/// 2026-11-21 00:00 UTC.
const UNTIL_MS: i64 = 1_795_219_200_000;

/// A statement of `load/`, and the fields that it takes.
struct Load {
    statement: tokio_postgres::Statement,
    params: Vec<String>,
    rows: Option<String>,
}

fn read(path: &str) -> String {
    let before = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../systems/calls/before");
    std::fs::read_to_string(before.join(path)).unwrap()
}

async fn prepared(connection: &Connection, stream: &str) -> Load {
    let text = read(&format!("load/{stream}.sql"));
    let head = |key: &str| text.lines().find_map(|line| line.strip_prefix(key));
    let params: Vec<String> = head("-- params: ").unwrap().split(", ").map(str::to_owned).collect();
    let types = vec![Type::TEXT; params.len()];
    let statement = connection.prepare_typed(&text, &types).await;
    let rows = head("-- rows: ").map(str::to_owned);
    Load { statement: statement.unwrap_or_else(|e| panic!("{stream}: {e:?}")), params, rows }
}

/// A field as text; `None` where it is missing.
fn field(event: &Value, row: &Value, load: &Load, name: &str) -> Option<String> {
    let of_row = load.rows.as_ref().and_then(|rows| name.strip_prefix(&format!("{rows}.")));
    match of_row.map_or_else(|| &event[name], |name| &row[name]) {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

async fn load(connection: &Connection, load: &Load, event: &Value) -> Result<(), String> {
    let one = [Value::Null];
    let rows: &[Value] = match &load.rows {
        Some(rows) => event[rows].as_array().unwrap(),
        None => &one,
    };
    for row in rows {
        let fields: Vec<Option<String>> =
            load.params.iter().map(|name| field(event, row, load, name)).collect();
        let params: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> =
            fields.iter().map(|field| field as _).collect();
        let done = connection.execute(&load.statement, &params).await;
        done.map_err(|error| format!("{error:?}"))?;
    }
    Ok(())
}

#[tokio::test]
async fn the_reviewed_design_takes_the_feed_and_multiplies_the_spend() {
    let db = Cluster::shared().await.database().await;
    let connection = db.connect().await;
    for file in ["0001_core", "0002_calls", "0003_market", "0004_analytics"] {
        connection.batch_execute(&read(&format!("migrations/{file}.sql"))).await.unwrap();
    }
    connection.batch_execute(&read("load/accounts.sql")).await.unwrap();
    let faultless = Options {
        broken_per_million: 0,
        span_ms: 6 * 3_600_000,
        ..Options::new(3_000, 7, UNTIL_MS)
    };
    let partitions = format!(
        "select core.make_partitions(to_timestamp({} / 1000.0), to_timestamp({} / 1000.0))",
        UNTIL_MS - faultless.span_ms,
        UNTIL_MS + 3_600_000
    );
    connection.batch_execute(&partitions).await.unwrap();

    let mut feed = events("calls", &faultless).unwrap();
    let all: Vec<Event> = feed.by_ref().collect();
    let mut loads: BTreeMap<&str, Load> = BTreeMap::new();
    for event in &all {
        if !loads.contains_key(event.stream) {
            loads.insert(event.stream, prepared(&connection, event.stream).await);
        }
        let json: Value = serde_json::from_str(&event.json).unwrap();
        let done = load(&connection, &loads[event.stream], &json).await;
        assert_eq!(done, Ok(()), "{}", event.json);
    }
    connection.batch_execute(&read("load/refresh.sql")).await.unwrap();

    let one = async |sql: &str| -> String {
        connection
            .query_one(sql, &[])
            .await
            .unwrap()
            .get::<_, Option<String>>(0)
            .unwrap_or_default()
    };
    let expected = feed.expected();
    let rows = expected.stream("call_events").rows.to_string();
    assert_eq!(one("select count(*)::text from core.call_events").await, rows);
    let bids = expected.claims().iter().find(|claim| claim.what == "bids").unwrap();
    assert_eq!(one("select count(*)::text from bidding.bids").await, bids.is);
    assert!(
        one("select count(*)::text from audit.audit_log").await.parse::<usize>().unwrap() > 3_000
    );
    // Brief §4.8: the dashboard counts a charge once for every bid of its call.
    let spent = "select (sum(total_spend) > 1.5 * (select sum(-amount) from billing.transactions \
                 where amount < 0))::text from analytics.buyer_dashboard";
    assert_eq!(one(spent).await, "true");
}
