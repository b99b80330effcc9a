//! The ten questions of the brief, §5: each runs on an empty and on a full fleet, and has an index
//! to go by; those about a flight read the chunks of its days alone.

use super::world::{Reader, fed, hangar, read};
use crate::systems::queries;

/// Tables of which no question may read every row.
const LARGE: [&str; 9] = [
    "telemetry",
    "samples_1m",
    "seconds_1s",
    "flight_session",
    "session_event",
    "flight_event",
    "analysis_result",
    "anomaly",
    "session_source",
];

/// What the parameters of a question are: keys with many events.
async fn values(engine: &Reader, name: &str) -> Vec<String> {
    let (_, _, plain) = fed();
    let busy = plain
        .sessions
        .iter()
        .filter(|(id, session)| {
            id.0 == "org-000"
                && !session.live.is_empty()
                && !session.file.is_empty()
                && plain.current(id, "risk").is_some()
        })
        .max_by_key(|(_, session)| session.file.len())
        .unwrap();
    let text = |value: &str, kind: &str| format!("'{value}'::{kind}");
    let org = text("org-000", "text");
    let session = text(&busy.0.1, "uuid");
    let at = |ms: i64| format!("to_timestamp({ms} / 1000.0)");
    let first = busy.1.live[0].ms;
    let now = text("2026-11-21 00:00:00Z", "timestamptz");
    match &name[..3] {
        "q02" => vec![org, session, at(first + 300_000)],
        "q03" => vec![org, session, at(first - 60_000), at(first + 3_600_000)],
        "q04" | "q10" => vec![org, session],
        "q05" => vec![org, now, text("ffffffff-ffff-ffff-ffff-ffffffffffff", "uuid")],
        "q08" => {
            let part = engine
                .texts(
                    "select component_id from session_battery where org_id = 'org-000' \
                      group by 1 order by count(*) desc, 1 limit 1",
                )
                .await;
            vec![org, text(&part[0], "text")]
        }
        "q09" => vec![org, text("2026-11-21", "date")],
        _ => vec![org, now],
    }
}

#[tokio::test]
async fn r21_every_question_runs_on_an_empty_fleet() {
    let engine = hangar().await;
    let all = queries("fleet");
    assert_eq!(all.len(), 10);
    for (name, text) in &all {
        let statement = engine.client.prepare(text).await;
        let params = statement.unwrap_or_else(|error| panic!("{name}: {error:?}")).params().len();
        let nulls = vec!["null"; params].join(", ");
        let call = format!("prepare q as {text}; execute q({nulls}); deallocate q");
        engine.client.simple_query(&call).await.unwrap_or_else(|e| panic!("{name}: {e:?}"));
    }
}

#[tokio::test]
async fn r1_r2_q1_to_q10_find_something_and_read_no_large_table_whole() {
    let engine = read().await;
    engine.client.batch_execute("set enable_seqscan = off").await.unwrap();
    let chunks = engine
        .count("select count(*) from pg_inherits where inhparent = 'telemetry'::regclass")
        .await;
    assert!(chunks > 10, "the feed is of many days");
    for (name, text) in queries("fleet") {
        let mut sql = text;
        for (number, value) in values(&engine, &name).await.iter().enumerate().rev() {
            let place = format!("${}", number + 1);
            sql = sql.replace(&place, value);
        }
        let code: String =
            sql.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n");
        let found = engine.client.query(&code, &[]).await;
        let found = found.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert!(!found.is_empty(), "{name} finds something");
        let plan = engine.texts(&format!("explain (costs off) {code}")).await;
        for table in LARGE {
            let scan = format!("Seq Scan on {table}");
            let whole = plan.iter().find(|line| line.contains(&scan));
            assert_eq!(whole, None, "{name}:\n{}", plan.join("\n"));
        }
        if ["q02", "q03"].contains(&&name[..3]) {
            let read = plan.iter().filter(|line| line.contains(" on telemetry_2")).count();
            assert!(read <= 2, "{name} reads {read} of {chunks} chunks:\n{}", plan.join("\n"));
            assert!(plan.iter().any(|line| line.contains("Index")), "{name}");
        }
        if name.starts_with("q05") {
            let sorts = plan.iter().any(|line| line.contains("Sort Key"));
            assert!(!sorts, "pages come in the order of an index:\n{}", plan.join("\n"));
        }
    }
}
