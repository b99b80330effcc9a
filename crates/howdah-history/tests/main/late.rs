//! Events that reach a folded chunk: new ones, repeated ones, at any moment of a fold.

use std::sync::Arc;

use bytes::Bytes;
use howdah_stream::{
    Batch, Body, Commit as _, Decoded, Decoder, Mark, Outcome, Position, Raw, ShardId, SourceSql,
    Writer,
};
use howdah_upkeep::{rebuild, verify};

use crate::rig::{Rig, fine};
use crate::worked::{ALL, SYSTEM, TRADES};

/// Batches of JSON texts through a writer.
pub struct Feed {
    writer: Writer,
    decoder: Decoder,
    at: u64,
}

impl Feed {
    pub async fn open(rig: &Rig) -> Self {
        let (_, system) = rig.model().await;
        let source = system.sources[0].clone();
        let generation: i64 = rig.one("select generation from howdah.generation").await;
        let sql = fine(SourceSql::new(&system, &source, generation, |_| Vec::new()));
        let writer = fine(Writer::open(rig.db.options(), Arc::new(sql)).await);
        Self { writer, decoder: fine(Decoder::new(&source, &system.streams)), at: 0 }
    }

    /// A new trade of this moment.
    pub async fn now(&self, rig: &Rig) -> String {
        let now: String = rig
            .one("select to_char(now() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
            .await;
        let old = trade(1_000_000 + self.at, 0, "2");
        let at = old.find("\"2026-").map(|at| at + 1).unwrap();
        let end = at + old[at..].find('"').unwrap();
        format!("{}{now}{}", &old[..at], &old[end..])
    }

    pub async fn commit(&mut self, events: &[String]) -> Outcome {
        let place = |at: u64| Position(at.to_string());
        let mut decoded = Decoded::default();
        for (index, event) in events.iter().enumerate() {
            let body = Body::Text(Bytes::copy_from_slice(event.as_bytes()));
            let position = place(self.at + index as u64 + 1);
            self.decoder.decode(Raw { position, body }, &mut decoded);
        }
        let batch = Batch {
            shard: ShardId { source: "trades".to_owned(), shard: "test".to_owned() },
            from: (self.at > 0).then(|| place(self.at)),
            to: place(self.at + events.len() as u64),
            rows: decoded.rows,
            refusals: decoded.refusals,
            events: decoded.events,
            mark: Mark::default(),
        };
        self.at += events.len() as u64;
        fine(self.writer.commit(&batch).await)
    }
}

/// The trade of that number, as the table holds it.
pub fn trade(n: u64, moved_ms: u64, price: &str) -> String {
    let ms = n * 20_500 + moved_ms;
    format!(
        r#"{{"tenant_id": "aaaaaaaa-0000-4000-8000-000000000001", "symbol": "s{}", "trade_id": {n},
        "executed_at": "2026-01-{:02}T{:02}:{:02}:{:02}.{:03}Z", "price": "{price}",
        "quantity": "1", "side": "buy"}}"#,
        n % 3,
        1 + ms / 86_400_000,
        ms / 3_600_000 % 24,
        ms / 60_000 % 60,
        ms / 1000 % 60,
        ms % 1000,
    )
}

pub async fn assert_proved(rig: &Rig) {
    let (_, system) = rig.model().await;
    for proof in fine(verify::rollups(&rig.client, &system, &[], |_| {}).await) {
        assert!(proof.holds(), "{proof:?}");
    }
}

#[tokio::test]
async fn late_and_repeated_events_of_folded_chunks_are_exact() {
    let rig = Rig::new(TRADES, SYSTEM).await;
    assert_proved(&rig).await;
    rig.fold_all().await;
    // Rollups are proved, and rebuilt, from the history.
    assert_proved(&rig).await;
    let mut feed = Feed::open(&rig).await;
    let events = [
        trade(100, 0, "1"),
        trade(101, 0, "1"),
        trade(4_000, 0, "1"),
        // Another time is another event; this one falls between two others.
        trade(20_000, 0, "5"),
        trade(5_268, 1_000, "7"),
        trade(5_268, 1_000, "8"),
    ];
    let before: i64 = rig.one("select count(*) from trades_history").await;
    let outcome = feed.commit(&events).await;
    assert_eq!((outcome.rows, outcome.duplicates, outcome.dead_letters), (2, 4, 0));
    let back: i64 = rig.one("select count(*) from trades").await;
    assert!(back > 2 && back < 5_000, "{back} of the segments' events were put back");
    assert_eq!(rig.one::<i64>("select count(*) from trades_history").await, before + 2);
    assert_proved(&rig).await;
    let all = rig.texts(&ALL.replace("{}", "trades_history")).await;
    assert!(rig.fold_all().await >= back - 1);
    assert_eq!(rig.texts(&ALL.replace("{}", "trades_history")).await, all);
    assert_proved(&rig).await;
    let (_, system) = rig.model().await;
    fine(rebuild::rebuild_level(&rig.client, &system, "candles", 0, None, |_| {}).await);
    assert_proved(&rig).await;
    let trades: i64 = rig.one("select sum(trades)::bigint from candles_1h").await;
    assert_eq!(trades, before + 2, "a rebuild never shrinks a rollup");
    assert_eq!(feed.commit(&events).await.duplicates, 6);
}

#[tokio::test]
async fn batches_of_late_events_and_folds_at_the_same_time_double_nothing() {
    let rig = Rig::new(TRADES, SYSTEM).await;
    rig.run("analyze trades").await;
    let mut feed = Feed::open(&rig).await;
    let other = rig.db.connect().await;
    let mut new = 0;
    let feeding = async {
        for round in 0..30_u64 {
            let mut events: Vec<String> =
                (0..10).map(|n| trade((round * 97 + n * 701) % 8_000, 0, "1")).collect();
            events.push(trade(round, 7, "3"));
            let outcome = feed.commit(&events).await;
            assert_eq!((outcome.rows, outcome.dead_letters), (1, 0), "round {round}");
            new += 1;
        }
    };
    let folding = async {
        loop {
            for chunk in rig.chunks().await.iter().filter(|chunk| chunk.filled && chunk.due) {
                fine(rig.try_fold(&other, chunk).await);
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::select! { () = feeding => {}, () = folding => {} }
    drop(other);
    assert_eq!(rig.one::<i64>("select count(*) from trades_history").await, 16_002 + new);
    let repeated: i64 = rig
        .one(
            "select count(*) from (select from trades_history group by tenant_id, symbol, \
             trade_id, executed_at having count(*) > 1) q",
        )
        .await;
    assert_eq!(repeated, 0);
    assert_proved(&rig).await;
}
