//! A small market: its system, events made by dice, and what should come of them, computed by SQL
//! of its own over the rows that were accepted.

use std::fmt::Write as _;

use bytes::Bytes;
use futures_util::SinkExt as _;
use howdah_pg::Connection;
use howdah_testkit::{Cuts, TestDatabase};

use crate::rig::{Rig, number, same_rows};

/// 2024-08-01 00:00 UTC, where the market's time begins, in ms since 1970.
const START_MS: u64 = 1_722_470_400_000;

/// The file sources.
pub const FILES: &str = r#"
[sources.trades_file]
file = "trades.ndjson"
into = "trades"

[sources.fills_file]
file = "fills.csv"
into = "fills"
"#;

/// The Redis sources: JSON in a field, and the entry's own fields.
pub const REDIS: &str = r#"
[sources.trades]
redis = { url = "env:HOWDAH_REDIS_URL", stream = "trades" }
into = "trades"

[sources.postings]
redis = { url = "env:HOWDAH_REDIS_URL", stream = "postings" }
format = "fields"
into = "postings"
"#;

/// The market with these sources in a folder, applied.
pub async fn market(database: &TestDatabase, sources: &str) -> Rig {
    let rig = Rig::new(database);
    write(&rig, database, sources);
    rig.fine(&["apply"]).await;
    rig
}

/// Writes the market's files.
pub fn write(rig: &Rig, database: &TestDatabase, sources: &str) {
    rig.write("migrations/0001_market.sql", include_str!("market/migrations/0001_market.sql"));
    // Roles belong to the cluster, so each database has its own.
    let system =
        include_str!("market/howdah.toml").replace("NAME", &format!("market_{}", database.name()));
    rig.write("howdah.toml", format!("{system}{sources}"));
}

/// A trade of the market.
#[derive(Debug, Clone, PartialEq)]
pub struct Trade {
    exchange: &'static str,
    symbol: &'static str,
    pub id: u64,
    at_ms: u64,
    price: String,
    quantity: String,
    side: &'static str,
}

impl Trade {
    /// The trade with this number. Its time rises with the number, but not strictly: some trades
    /// share a millisecond, and every tenth is up to two days late.
    pub fn roll(dice: &mut Cuts, id: u64) -> Self {
        let late = if dice.below(10) == 0 { dice.below(2 * 86_400_000) } else { 0 };
        let at_ms = START_MS + 2 * 86_400_000 + id / 3 * 9_000 - late;
        Self {
            exchange: *dice.pick(&["east", "west"]),
            symbol: *dice.pick(&["BTC", "BTC", "BTC", "ETH", "SOL"]),
            id,
            at_ms,
            price: format!("{}.{:08}", 100 + dice.below(50), dice.below(100_000_000)),
            quantity: format!("{}.{:04}", dice.below(10), 1 + dice.below(9_999)),
            side: *dice.pick(&["buy", "sell"]),
        }
    }

    /// As a JSON object.
    pub fn json(&self) -> String {
        format!(
            "{{\"exchange\":\"{}\",\"symbol\":\"{}\",\"trade_id\":{},\"executed_at\":\"{}\",\
             \"price\":\"{}\",\"quantity\":{},\"side\":\"{}\"}}",
            self.exchange,
            self.symbol,
            self.id,
            rfc3339(self.at_ms),
            self.price,
            self.quantity,
            self.side
        )
    }

    fn row(&self) -> String {
        format!(
            "{},{},{},{},{},{},{}",
            self.exchange,
            self.symbol,
            self.id,
            rfc3339(self.at_ms),
            self.price,
            self.quantity,
            self.side
        )
    }
}

/// An execution for an account of a desk.
#[derive(Debug, Clone, PartialEq)]
pub struct Fill {
    desk: u64,
    account: u64,
    pub id: u64,
    at_ms: u64,
    side: &'static str,
    price: u64,
    quantity: u64,
}

impl Fill {
    /// The header of a CSV file of fills.
    pub const HEADER: &'static str = "desk_id,account,fill_id,executed_at,side,price,quantity,fee";

    /// The fill with this number; every tenth is late.
    pub fn roll(dice: &mut Cuts, id: u64) -> Self {
        let late = if dice.below(10) == 0 { dice.below(86_400_000) } else { 0 };
        Self {
            desk: 1 + dice.below(5),
            account: dice.below(4),
            id,
            at_ms: START_MS + 2 * 86_400_000 + id / 2 * 60_000 - late,
            side: *dice.pick(&["buy", "sell"]),
            price: 1 + dice.below(1_000_000),
            quantity: 1 + dice.below(500),
        }
    }

    /// As a CSV record.
    pub fn row(&self) -> String {
        format!(
            "{},account {},{},{},{},{}.{:02},{},0.{:02}",
            self.desk,
            self.account,
            self.id,
            rfc3339(self.at_ms),
            self.side,
            self.price / 100,
            self.price % 100,
            self.quantity,
            self.price % 97
        )
    }
}

/// A posting to an account that may not go below -100.
#[derive(Debug, Clone, PartialEq)]
pub struct Posting {
    pub desk: u64,
    pub account: u64,
    pub id: u64,
    at_ms: u64,
    pub cents: i64,
}

impl Posting {
    /// The posting with this number; about one in eight would overdraw.
    pub fn roll(dice: &mut Cuts, id: u64) -> Self {
        Self {
            desk: 1 + dice.below(5),
            account: dice.below(3),
            id,
            at_ms: START_MS + id * 30_000,
            cents: dice.below(20_000).cast_signed() - 10_000,
        }
    }

    /// As field names and values.
    pub fn fields(&self) -> [(&'static str, String); 5] {
        [
            ("desk_id", self.desk.to_string()),
            ("account", format!("account {}", self.account)),
            ("posting_id", self.id.to_string()),
            ("booked_at", rfc3339(self.at_ms)),
            ("amount", self.amount()),
        ]
    }

    /// The posting of an entry's fields.
    pub fn read(fields: &[(String, String)]) -> Self {
        let value = |name| &fields.iter().find(|(field, _)| field == name).unwrap().1;
        let id = value("posting_id").parse().unwrap();
        Self {
            desk: value("desk_id").parse().unwrap(),
            account: value("account").trim_start_matches("account ").parse().unwrap(),
            id,
            at_ms: START_MS + id * 30_000,
            cents: value("amount").replace('.', "").parse().unwrap(),
        }
    }

    fn amount(&self) -> String {
        let sign = if self.cents < 0 { "-" } else { "" };
        let cents = self.cents.unsigned_abs();
        format!("{sign}{}.{:02}", cents / 100, cents % 100)
    }

    fn row(&self) -> String {
        self.fields().map(|(_, value)| value).join(",")
    }
}

/// Milliseconds since 1970 as RFC 3339.
pub fn rfc3339(ms: u64) -> String {
    let (days, ms) = (ms / 86_400_000, ms % 86_400_000);
    // Civil date from days since 1970: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let (month, year) =
        if month < 10 { (month + 3, era * 400 + year) } else { (month - 9, era * 400 + year + 1) };
    let (seconds, ms) = (ms / 1000, ms % 1000);
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{year:04}-{month:02}-{date:02}T{hours:02}:{minutes:02}:{:02}.{ms:03}Z", seconds % 60)
}

/// What each stream should hold, each event once.
#[derive(Debug, Default)]
pub struct Expected {
    pub trades: Vec<Trade>,
    pub fills: Vec<Fill>,
    pub postings: Vec<Posting>,
}

impl Expected {
    /// Holds streams, rollups and states against it; `connection` may make schema `expected`.
    pub async fn hold(&self, connection: &Connection) {
        let make = "drop schema if exists expected cascade; create schema expected; \
             create table expected.trades as \
             select exchange, symbol, trade_id, executed_at, price, quantity, side \
             from trades limit 0; \
             create table expected.fills as select * from fills limit 0; \
             create table expected.postings as select * from postings limit 0";
        connection.batch_execute(make).await.unwrap();
        copy(connection, "expected.trades", self.trades.iter().map(Trade::row)).await;
        copy(connection, "expected.fills", self.fills.iter().map(Fill::row)).await;
        copy(connection, "expected.postings", self.postings.iter().map(Posting::row)).await;
        let trades = "exchange, symbol, trade_id, executed_at, price, quantity, side";
        for (table, columns) in [("trades", trades), ("fills", "*"), ("postings", "*")] {
            let rows = |schema: &str| format!("select {columns} from {schema}.{table}");
            same_rows(connection, table, &rows("public"), &rows("expected")).await;
        }
        derived(connection, "expected").await;
        // Its tables have a tenant column, so the next plan would protect them.
        connection.batch_execute("drop schema expected cascade").await.unwrap();
    }
}

/// Holds rollups and states against queries over the raw rows of `schema`.
pub async fn derived(connection: &Connection, schema: &str) {
    for (suffix, unit) in [("1m", "minute"), ("1h", "hour"), ("1d", "day")] {
        let found = format!(
            "select exchange, symbol, bucket, open, high, low, close, volume, bought, mean, trades \
             from candles_{suffix}"
        );
        let expected =
            include_str!("market/candles.sql").replace("RAW", schema).replace("UNIT", unit);
        same_rows(connection, &format!("candles_{suffix}"), &found, &expected).await;
    }
    let pairs = [
        (
            "tickers",
            "exchange, symbol, price, side, traded_at, trades",
            include_str!("market/tickers.sql"),
        ),
        (
            "fills_daily_1d",
            "desk_id, account, bucket, fills, turnover",
            include_str!("market/fills_daily.sql"),
        ),
        (
            "positions",
            "desk_id, account, quantity, entry_price, realised, fees, fills",
            include_str!("market/positions.sql"),
        ),
        ("balances", "desk_id, account, balance, postings", include_str!("market/balances.sql")),
    ];
    for (table, columns, expected) in pairs {
        let found = format!("select {columns} from {table}");
        same_rows(connection, table, &found, &expected.replace("RAW", schema)).await;
    }
}

/// Copies CSV records into a table.
pub async fn copy(connection: &Connection, table: &str, rows: impl Iterator<Item = String>) {
    let mut text = String::new();
    for row in rows {
        writeln!(text, "{row}").unwrap();
    }
    let sql = format!("copy {table} from stdin (format csv)");
    let sink = connection.copy_in::<_, Bytes>(&sql).await.unwrap();
    futures_util::pin_mut!(sink);
    sink.send(text.into()).await.unwrap();
    sink.finish().await.unwrap();
}

/// The counts of a source's position: events, rows, duplicates, dead letters.
pub async fn counts(connection: &Connection, source: &str) -> [i64; 4] {
    let sql = "select events, rows, duplicates, dead_letters from howdah.positions \
               where source = $1";
    let row = connection.query_opt(sql, &[&source]).await.unwrap();
    row.map_or([0; 4], |row| [0, 1, 2, 3].map(|column| row.get(column)))
}

/// How many dead letters there are.
pub async fn dead_letters(connection: &Connection) -> i64 {
    number(connection, "select count(*) from howdah.dead_letters").await
}

/// The same items in another order.
pub fn shuffled<T: Clone>(dice: &mut Cuts, items: &[T]) -> Vec<T> {
    let mut items = items.to_vec();
    for place in (1..items.len()).rev() {
        let other = dice.below(place as u64 + 1) as usize;
        items.swap(place, other);
    }
    items
}
