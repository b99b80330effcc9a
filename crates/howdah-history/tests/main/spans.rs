//! Spans whose events, or neighbours, are in folded chunks.

use howdah_upkeep::rebuild;

use crate::late::{Feed, assert_proved, trade};
use crate::rig::{Rig, fine};
use crate::worked::{SYSTEM, TRADES};

const SPANS: &str = r#"
[spans.gaps]
from = "trades"
by = ["symbol"]
longest = "2 days"
[rollups.gaps_of]
from = "gaps"
every = ["1 hour"]
by = ["symbol", "side"]
secs = "sum(seconds)"
begun = "count(*) filter (where begins)"
[rollups.rises]
from = "gaps"
at = "end"
by = ["symbol"]
spans = "count(*)"
secs = "sum(seconds)"
cuts = "count(*) filter (where cut)"
up = "sum(counter_delta(quantity, prev.quantity))"
"#;

/// Every span is counted: one fewer than events for each key, from the first to the last, but for
/// what lies behind two days.
async fn assert_whole(rig: &Rig) {
    assert_proved(rig).await;
    let wrong = rig
        .texts(
            "select symbol || ' ' || n || ' ' || spans || ' ' || cuts from (select tenant_id, \
             symbol, count(*) - 1 as n, extract(epoch from max(executed_at) - min(executed_at)) \
             as secs from trades_history group by 1, 2) e join rises using (tenant_id, symbol) \
             where n <> spans or (cuts = 0 and e.secs <> rises.secs) \
             or (cuts = 1 and e.secs - rises.secs <= 0)",
        )
        .await;
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[tokio::test]
async fn neighbours_are_found_in_folded_chunks() {
    let rig = Rig::new(TRADES, &format!("{SYSTEM}{SPANS}")).await;
    assert_proved(&rig).await;
    rig.fold_all().await;
    let mut feed = Feed::open(&rig).await;
    // Behind everything: its neighbour is in a segment, a long time before.
    let outcome = feed.commit(&[trade(90_000, 0, "1"), trade(90_003, 5, "1")]).await;
    assert_eq!((outcome.rows, outcome.dead_letters), (2, 0));
    assert_whole(&rig).await;
    let cuts: i64 = rig.one("select sum(cuts)::bigint from rises").await;
    assert_eq!(cuts, 1, "19 days are longer than two");
    // Between two events of one segment, between two segments, before everything, and repeats.
    let late = [trade(5_268, 1_000, "7"), trade(3_000, 7, "1"), trade(2_999, 3, "1")];
    assert_eq!(feed.commit(&late).await.rows, 3);
    assert_whole(&rig).await;
    assert_eq!(feed.commit(&late).await.duplicates, 3);
    // A time between two chunks' events, when all are folded again.
    rig.fold_all().await;
    let edge: Vec<String> = (4_210..4_218).map(|n| trade(n, 9, "2")).collect();
    assert_eq!(feed.commit(&edge).await.rows, 8);
    assert_whole(&rig).await;
    // A key that has no event yet, between folded times.
    let fresh = [trade(4_000, 11, "1").replace("\"s1\"", "\"new\"")];
    assert_eq!(feed.commit(&fresh).await.rows, 1);
    assert_whole(&rig).await;
    let (_, system) = rig.model().await;
    for spans in &system.span_rollups {
        fine(rebuild::rebuild_spans(&rig.client, &system, spans, 0).await);
    }
    assert_whole(&rig).await;
}

#[tokio::test]
async fn a_span_closes_where_a_folded_event_is_reversed() {
    let columns = "(tenant_id, symbol, trade_id, executed_at, price, quantity, side, note)";
    let tables = TRADES
        .replace("note jsonb,", "note jsonb, undo bigint,")
        .replace("insert into trades select", &format!("insert into trades {columns} select"));
    let key = "key = [\"symbol\", \"trade_id\"]";
    let system = SYSTEM.replace(key, &format!("{key}\nreverses = {{ trade_id = \"undo\" }}"));
    let rig = Rig::new(&tables, &format!("{system}{SPANS}")).await;
    rig.fold_all().await;
    let mut feed = Feed::open(&rig).await;
    let reversal = |n: u64, of: u64| {
        let undo = format!("\"side\": \"buy\", \"undo\": {of}");
        trade(n, 0, "1").replace("\"side\": \"buy\"", &undo)
    };
    // One in the middle of a segment, and the first of its key.
    let events = [reversal(9_000, 5_268), trade(8_103, 0, "1"), reversal(9_003, 0)];
    assert_eq!(feed.commit(&events).await.rows, 3);
    let left: i64 = rig
        .one("select count(*) from trades_history where trade_id in (0, 5268, 9000, 9003)")
        .await;
    assert_eq!(left, 2, "those of the other tenant stay");
    assert_whole(&rig).await;
}
