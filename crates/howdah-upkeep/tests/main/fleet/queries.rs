//! The ten questions of the brief, §5: each runs on an empty and on a full fleet, and has an index
//! to go by; those about a flight read the chunks of its days alone.

use super::world::{Reader, both, fed, folded, hangar};
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

/// A question of the file with its values.
async fn asked(engine: &Reader, name: &str, text: String) -> String {
    let mut sql = text;
    for (number, value) in values(engine, name).await.iter().enumerate().rev() {
        sql = sql.replace(&format!("${}", number + 1), value);
    }
    sql.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n")
}

/// On a fleet that never folds, and on one of which all is folded.
#[tokio::test]
async fn r1_r2_q1_to_q10_find_something_and_read_no_large_table_whole() {
    for (engine, is_folded) in Box::pin(both()).await.iter().zip([false, true]) {
        engine.client.batch_execute("set enable_seqscan = off").await.unwrap();
        let chunks = engine
            .count("select count(*) from pg_inherits where inhparent = 'telemetry'::regclass")
            .await;
        assert!(chunks > if is_folded { 4 } else { 10 }, "the feed is of many days or weeks");
        for (name, text) in queries("fleet") {
            let code = asked(engine, &name, text).await;
            let found = engine.client.query(&code, &[]).await;
            let found = found.unwrap_or_else(|error| panic!("{name}: {error:?}"));
            assert!(!found.is_empty(), "{name} finds something");
            let plan = engine.texts(&format!("explain (costs off) {code}")).await;
            // Of segments too: their tables begin with the name of their stream.
            for table in LARGE {
                let scan = format!("Seq Scan on {table}");
                let whole = plan.iter().find(|line| line.contains(&scan));
                assert_eq!(whole, None, "{name}:\n{}", plan.join("\n"));
            }
            if ["q02", "q03"].contains(&&name[..3]) {
                let read = plan.iter().filter(|line| line.contains(" on telemetry_2")).count();
                assert!(read <= 2, "{name} reads {read} of {chunks} chunks:\n{}", plan.join("\n"));
                assert!(plan.iter().any(|line| line.contains("Index")), "{name}");
                let segments = plan.iter().any(|line| line.contains("telemetry_segments_1"));
                assert_eq!(segments, is_folded, "{name}:\n{}", plan.join("\n"));
            }
        }
    }
}

/// Pages of Q5 are as many days as it takes, the day of the last one shown and one more: the second
/// page reads no more than the first, and together they are what a plain query gives.
#[tokio::test]
async fn q5_reads_the_days_of_its_page_alone() {
    for engine in Box::pin(both()).await {
        let (_, text) =
            queries("fleet").into_iter().find(|(name, _)| name.starts_with("q05")).unwrap();
        let all = "select analysis_id::text from analysis_result_history where org_id = 'org-000' \
                   order by ts desc, analysis_id desc";
        let all = engine.texts(all).await;
        // Pages of five of the two dozen analyses that there are.
        let text = text.replace("< 50", "< 5").replace("limit 50", "limit 5");
        assert!(all.len() > 10, "more than two pages: {}", all.len());
        let last = ("'2026-11-21'".to_owned(), "ffffffff-ffff-ffff-ffff-ffffffffffff".to_owned());
        let (mut last, mut shown) = (last, Vec::new());
        while shown.len() < all.len() {
            let sql = text
                .replace("$1", "'org-000'")
                .replace("$2", &last.0)
                .replace("$3", &format!("'{}'", last.1));
            let sql: Vec<&str> = sql.lines().filter(|line| !line.starts_with("--")).collect();
            let sql = sql.join("\n");
            let page = engine.texts(&format!("select analysis_id::text from ({sql}) q")).await;
            assert_eq!(page.len(), (all.len() - shown.len()).min(5));
            // Rows before the limit: the page, and what else is of its first and its last day.
            let read = sql.replace("limit 5", "");
            let read = engine.count(&format!("select count(*) from ({read}) q")).await;
            let day = "select max(n) from (select count(*) as n from analysis_result_history \
                       where org_id = 'org-000' group by ts::date) d";
            assert!(read < 5 + 2 * engine.count(day).await, "{read} rows for a page");
            last.1 = page.last().unwrap().clone();
            let ts = "select quote_literal(ts) from analysis_result_history where analysis_id";
            last.0 = engine.texts(&format!("{ts} = '{}'", last.1)).await.remove(0);
            shown.extend(page);
        }
        assert_eq!(shown, all);
    }
}

/// Every question answers of segments as of the rows that come of putting them back.
#[tokio::test]
async fn the_questions_answer_the_same_of_segments_and_of_rows() {
    let engine = folded().await;
    engine.assert_all_folded().await;
    let reader = Reader { client: engine.db.connect().await };
    let mut of_segments = Vec::new();
    for (name, text) in queries("fleet") {
        let code = asked(&reader, &name, text).await;
        of_segments
            .push((code.clone(), reader.texts(&format!("select q::text from ({code}) q")).await));
    }
    assert!(engine.restore_chunks().await > 0);
    for (code, of_segments) in of_segments {
        let of_rows = reader.texts(&format!("select q::text from ({code}) q")).await;
        assert!(!of_rows.is_empty(), "{code}");
        assert_eq!(of_segments, of_rows, "{code}");
    }
}
