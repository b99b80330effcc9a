//! What the campaign feeds: lines for the files, entries for Redis.

use std::time::{Duration, Instant};

use howdah_testkit::Cuts;
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;

use crate::market::{Expected, Fill, Posting, Trade};
use crate::rig::{PATIENCE, Rig};

/// An entry of a Redis stream: its key, and field names and values.
type Entry = (&'static str, Vec<(&'static str, String)>);

/// What was fed so far.
#[derive(Default)]
pub struct Fed {
    /// Trades and fills; postings are read back from Redis, whose order is theirs.
    pub expected: Expected,
    /// Lines of `trades.ndjson` that are no events.
    pub broken: i64,
    /// All lines of it.
    pub lines: i64,
    /// Entries of trades that Redis was given and confirmed.
    pub to_redis: u64,
    next_trade: u64,
    next_posting: u64,
}

impl Fed {
    /// Appends to both files: new events, one that was there before, one that is broken.
    pub fn files(&mut self, dice: &mut Cuts, rig: &Rig, events: u64) {
        for _ in 0..events {
            let trade = Trade::roll(dice, self.next_trade);
            self.next_trade += 1;
            rig.append("trades.ndjson", trade.json() + "\n");
            self.expected.trades.push(trade);
            let fill = Fill::roll(dice, self.expected.fills.len() as u64);
            rig.append("fills.csv", fill.row() + "\n");
            self.expected.fills.push(fill);
        }
        let again = dice.pick(&self.expected.trades).json();
        rig.append("trades.ndjson", format!("{again}\n{{\"exchange\": nonsense}}\n"));
        self.broken += 1;
        self.lines += events.cast_signed() + 2;
    }

    /// So many entries of trades, one in twenty of them again, and a third as many postings.
    pub fn entries(&mut self, dice: &mut Cuts, many: u64) -> Vec<Entry> {
        let mut entries = vec![];
        for n in 0..many {
            let trade = if n % 20 == 7 && !self.expected.trades.is_empty() {
                dice.pick(&self.expected.trades).clone()
            } else {
                let trade = Trade::roll(dice, self.next_trade);
                self.next_trade += 1;
                self.expected.trades.push(trade.clone());
                trade
            };
            entries.push(("trades", vec![("data", trade.json())]));
            if n % 3 == 0 {
                let posting = Posting::roll(dice, self.next_posting);
                self.next_posting += 1;
                entries.push(("postings", posting.fields().to_vec()));
            }
        }
        self.to_redis += many;
        entries
    }
}

/// A connection to Redis, if it can be had now.
pub async fn connected(url: &str) -> Option<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(Duration::from_secs(5)))
        .set_response_timeout(Some(PATIENCE));
    let client = redis::Client::open(url).unwrap();
    client.get_multiplexed_async_connection_with_config(&config).await.ok()
}

/// Adds entries in their order; those whose reply is lost are added once more.
pub async fn send(url: &str, entries: &[Entry]) {
    let start = Instant::now();
    let mut connection = None;
    for some in entries.chunks(25) {
        let mut pipe = redis::pipe();
        for (key, fields) in some {
            pipe.cmd("XADD").arg(key).arg("*").arg(fields).ignore();
        }
        loop {
            assert!(start.elapsed() < PATIENCE, "Redis does not come back");
            if connection.is_none() {
                connection = connected(url).await;
            }
            if let Some(open) = &mut connection
                && pipe.query_async::<()>(open).await.is_ok()
            {
                break;
            }
            connection = None;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
