//! What the campaign feeds: lines for files and standard input, entries for Redis.

use std::time::{Duration, Instant};

use howdah_testkit::Cuts;
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;

use super::client::{Manner, Message};
use super::event::{Order, Reading, Transfer, Wanted};
use super::requests::{After, ORDERS, Planned, TRADES};
use super::source::{Shape, Source};
use crate::market::{Expected, Fill, Posting, Trade};
use crate::rig::{PATIENCE, Rig};

/// An entry of a Redis stream: its key, and field names and values.
pub type Entry = (&'static str, Vec<(&'static str, String)>);

/// What was fed so far.
#[derive(Default)]
pub struct Fed {
    /// Trades and fills; postings are read back from Redis, whose order is theirs.
    pub expected: Expected,
    /// The streams that the market has not.
    pub wanted: Wanted,
    /// Lines of `trades.ndjson` that are no events.
    pub broken: i64,
    /// All lines of it.
    pub lines: i64,
    next_trade: u64,
    next_posting: u64,
    next_transfer: u64,
    next_reading: u64,
    next_order: u64,
    next_request: u64,
    /// Readings that nothing takes back so far.
    free: Vec<u64>,
}

impl Fed {
    /// Appends to the file of trades: new ones, one that was there before, one line that is broken.
    pub fn lines(&mut self, dice: &mut Cuts, rig: &Rig, events: u64) {
        let mut lines = String::new();
        for _ in 0..events {
            lines += &(self.trade(dice).json() + "\n");
        }
        let again = dice.pick(&self.expected.trades).json();
        lines += &format!("{again}\n{{\"exchange\": nonsense}}\n");
        rig.append("trades.ndjson", lines);
        self.broken += 1;
        self.lines += events.cast_signed() + 2;
    }

    /// Appends to the file of fills.
    pub fn records(&mut self, dice: &mut Cuts, rig: &Rig, events: u64) {
        let mut records = String::new();
        for _ in 0..events {
            let fill = Fill::roll(dice, self.expected.fills.len() as u64);
            records += &(fill.row() + "\n");
            self.expected.fills.push(fill);
        }
        rig.append("fills.csv", records);
    }

    /// A trade that is new.
    fn trade(&mut self, dice: &mut Cuts) -> Trade {
        let trade = Trade::roll(dice, self.next_trade);
        self.next_trade += 1;
        self.expected.trades.push(trade.clone());
        trade
    }

    /// So many trades as JSON, one in twenty of them one that was fed before.
    pub fn trades(&mut self, dice: &mut Cuts, many: u64) -> Vec<String> {
        (0..many)
            .map(|n| {
                if n % 20 == 7 && !self.expected.trades.is_empty() {
                    dice.pick(&self.expected.trades).json()
                } else {
                    self.trade(dice).json()
                }
            })
            .collect()
    }

    /// So many entries of each of these Redis streams.
    pub fn entries(&mut self, dice: &mut Cuts, keys: &[&'static str], many: u64) -> Vec<Entry> {
        let mut entries = vec![];
        for key in keys {
            match *key {
                "postings" => entries.extend((0..many).map(|_| {
                    let posting = Posting::roll(dice, self.next_posting);
                    self.next_posting += 1;
                    ("postings", posting.fields().to_vec())
                })),
                "transfers" => entries.extend(self.transfers(dice, many)),
                "readings" => entries.extend(self.readings(dice, many)),
                key => {
                    let trades = self.trades(dice, many).into_iter();
                    entries.extend(trades.map(|trade| (key, vec![("data", trade)])));
                }
            }
        }
        entries
    }

    /// Transfers, one in fifteen of them again, and one that is broken.
    fn transfers(&mut self, dice: &mut Cuts, many: u64) -> Vec<Entry> {
        let mut entries = vec![];
        for n in 0..many {
            let transfer = Transfer::roll(dice, self.next_transfer);
            self.next_transfer += 1;
            entries.push(("transfers", vec![("data", transfer.json())]));
            self.wanted.transfers.push(transfer);
            if n % 15 == 7 {
                let again = dice.pick(&self.wanted.transfers).json();
                entries.push(("transfers", vec![("data", again)]));
            }
        }
        let broken = Transfer::roll(dice, self.next_transfer);
        self.next_transfer += 1;
        entries.push(("transfers", vec![("data", broken.broken())]));
        entries
    }

    /// Readings and those that take others back, in a mixed order, some of them again.
    fn readings(&mut self, dice: &mut Cuts, many: u64) -> Vec<Entry> {
        let mut fresh = vec![];
        for _ in 0..many {
            let reading = Reading::roll(dice, self.next_reading, &mut self.free);
            self.next_reading += 1;
            fresh.push(reading.json());
            self.wanted.readings.push(reading);
        }
        for place in (1..fresh.len()).rev() {
            fresh.swap(place, dice.below(place as u64 + 1) as usize);
        }
        fresh.push(dice.pick(&self.wanted.readings).json());
        fresh.into_iter().map(|json| ("readings", vec![("data", json)])).collect()
    }

    /// So many requests; a few are bad, a few are repeated after their answer.
    pub fn requests(
        &mut self,
        dice: &mut Cuts,
        source: Source,
        shape: Shape,
        many: u64,
        manner: Manner,
    ) -> Vec<Planned> {
        (0..many).map(|_| self.request(dice, source, shape, manner)).collect()
    }

    fn request(
        &mut self,
        dice: &mut Cuts,
        source: Source,
        shape: Shape,
        manner: Manner,
    ) -> Planned {
        let bad = dice.below(12) == 0;
        let events = 1 + dice.below(shape.of_request());
        let (mut orders, mut rows) = (vec![], vec![]);
        let (path, notation) = match source {
            Source::HttpJson => {
                // Of a bad one nothing may be fed that counts: its events are others' already.
                rows = if bad {
                    (0..events).map(|n| Trade::roll(dice, n).json()).collect()
                } else {
                    self.trades(dice, events)
                };
                (TRADES, "application/json")
            }
            source => {
                for _ in 0..events {
                    orders.push(Order::roll(dice, self.next_order));
                    self.next_order += 1;
                }
                if source == Source::HttpCsv {
                    rows.push(Order::HEADER.to_owned());
                    rows.extend(orders.iter().map(Order::row));
                    (ORDERS, "text/csv")
                } else {
                    rows.extend(orders.iter().map(Order::json));
                    (ORDERS, "application/x-ndjson")
                }
            }
        };
        if bad {
            rows.push(if source == Source::HttpCsv { "x,1,yesterday,1" } else { "{}" }.to_owned());
            orders.clear();
        }
        let body = match source {
            Source::HttpJson => format!("[{}]\n", rows.join(",")),
            _ => rows.join("\n") + "\n",
        };
        self.next_request += 1;
        let name = format!("request-{}", self.next_request);
        let message = Message { path, notation, name, body };
        let after = *dice.pick(&[After::Nothing, After::Nothing, After::Same, After::Other]);
        Planned { message, manner, orders, events, bad, after }
    }
}

/// A connection to Redis, if it can be had now.
pub async fn connected(url: &str) -> Option<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE / 10))
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
