//! The exchange when its days are folded: late webhooks, repeats and refusals meet segments; books,
//! rollups and questions are those of an exchange that never folds.

use howdah_feed::{Event, Options};

use super::world::{migrations, system};
use crate::engine::Engine;
use crate::systems::{again_from_the_last, claims_hold, feed_in_parts, queries};

/// 2026-11-21 00:00 UTC.
const UNTIL_MS: i64 = 1_795_219_200_000;

/// Three days of a few sellers and buyers, with much that is late and doubled.
fn options() -> Options {
    Options {
        tenants: 40,
        span_ms: 3 * 86_400_000,
        duplicates_per_million: 40_000,
        late_per_million: 20_000,
        broken_per_million: 4_000,
        ..Options::new(4_000, 23, UNTIL_MS)
    }
}

/// A question with the values of its parameters: keys with many events, as SQL.
fn values(name: &str) -> Vec<&'static str> {
    let buyer =
        "(select buyer_id from buyer_calls_1d group by 1 order by sum(calls) desc, 1 limit 1)";
    let seller = "(select seller_id from call_state group by 1 order by count(*) desc, 1 limit 1)";
    let phone = "(select phone_hmac from compliance_checks_history where phone_hmac is not null \
                 group by 1 order by count(*) desc, 1 limit 1)";
    let now = "timestamptz '2026-11-21 00:00Z'";
    let from = "timestamptz '2026-11-05 00:00Z'";
    match &name[..3] {
        "q01" => vec!["(select auction_id from auction_state order by 1 limit 1)", now],
        "q02" => vec![buyer, now],
        "q03" => vec![phone, buyer, now],
        "q04" => vec!["(select call_sid from call_state order by events desc, 1 limit 1)"],
        "q05" => vec![buyer, from, now],
        "q06" => {
            vec![seller, now, "uuid 'ffffffff-ffff-ffff-ffff-ffffffffffff'", "null::call_kind"]
        }
        "q07" => {
            let auction = "(select auction_id from auction_replay group by 1 \
                           order by count(*) desc, 1 limit 1)";
            let of = "(select seller_id from auction_replay group by auction_id, 1 \
                      order by count(*) desc, auction_id limit 1)";
            vec![of, auction]
        }
        "q08" => vec![phone],
        "q09" => {
            let account = "(select account from ledger_history where account like 'b0be%' \
                           group by 1 order by count(*) desc, 1 limit 1)";
            vec![account, from, now]
        }
        "q10" | "q11" => vec![now],
        "q12" => vec![from],
        _ => vec![from, now],
    }
}

/// What each question answers.
async fn answers(engine: &Engine) -> Vec<(String, Vec<String>)> {
    let mut out = Vec::new();
    for (name, text) in queries("calls") {
        let values = values(&name);
        // A cast of the file binds to what stands for the parameter.
        let numbered = values.iter().enumerate().rev();
        let sql =
            numbered.fold(text, |sql, (at, value)| sql.replace(&format!("${}", at + 1), value));
        let sql: String =
            sql.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n");
        out.push((name, engine.texts(&format!("select q::text from ({sql}) q order by 1")).await));
    }
    out
}

#[tokio::test]
async fn books_rollups_and_questions_are_the_same_when_all_is_folded_between_parts() {
    let mut feed = howdah_feed::events("calls", &options()).unwrap();
    let all: Vec<Event> = feed.by_ref().collect();
    let expected = feed.expected();
    let engine = Engine::applied(&migrations(), &system()).await;
    engine.run(&howdah_feed::entities_sql("calls", &options()).unwrap()).await;
    feed_in_parts(&engine, (&all, expected), 2).await;
    claims_hold(&engine, expected).await;
    engine.assert_proved().await;
    let folded = answers(&engine).await;
    let streams = ["call_events", "bid_events", "auction_events", "ledger", "compliance_checks"];
    again_from_the_last(&engine, &all, &streams).await;
    claims_hold(&engine, expected).await;
    engine.fold_chunks().await;
    engine.assert_all_folded().await;
    assert!(engine.restore_chunks().await > 0);
    let restored = answers(&engine).await;
    for ((name, folded), (_, restored)) in folded.iter().zip(&restored) {
        assert_eq!(folded, restored, "{name}");
    }
    // Of Q4 there is nothing: the feed has no rows of auctions.
    for name in ["q05", "q06", "q07", "q08", "q09"] {
        let found = folded.iter().find(|(known, _)| known.starts_with(name));
        assert!(!found.unwrap().1.is_empty(), "{name} finds something");
    }
    engine.assert_fold_is_rebuild().await;
}
