//! The events that the campaign has beside those of the market, and what should come of them.

use std::collections::HashSet;

use howdah_pg::Connection;
use howdah_testkit::Cuts;

use crate::market::{copy, rfc3339};
use crate::rig::{number, same_rows};

/// 2024-09-01 00:00 UTC, in ms since 1970.
const START_MS: u64 = 1_725_148_800_000;

/// The order of a shop; its stream has no key.
#[derive(Debug, Clone)]
pub struct Order {
    shop: u64,
    id: u64,
    cents: u64,
}

impl Order {
    /// The header of orders as CSV.
    pub const HEADER: &'static str = "shop,order_id,at,amount";

    /// The order with this number.
    pub fn roll(dice: &mut Cuts, id: u64) -> Self {
        Self { shop: dice.below(6), id, cents: dice.below(1_000_000) }
    }

    fn at(&self) -> String {
        rfc3339(START_MS + self.id * 20_000)
    }

    /// As a CSV record.
    pub fn row(&self) -> String {
        let (shop, id, at) = (self.shop, self.id, self.at());
        format!("shop {shop},{id},{at},{}", amount(self.cents.cast_signed()))
    }

    /// As a JSON object.
    pub fn json(&self) -> String {
        format!(
            "{{\"shop\":\"shop {}\",\"order_id\":{},\"at\":\"{}\",\"amount\":\"{}\"}}",
            self.shop,
            self.id,
            self.at(),
            amount(self.cents.cast_signed())
        )
    }
}

/// A transfer between accounts: an event of two to four legs.
#[derive(Debug, Clone)]
pub struct Transfer {
    id: u64,
    at_ms: u64,
    legs: Vec<(u64, i64)>,
}

impl Transfer {
    /// The transfer with this number; every tenth is late.
    pub fn roll(dice: &mut Cuts, id: u64) -> Self {
        let late = if dice.below(10) == 0 { dice.below(86_400_000) } else { 0 };
        let mut legs: Vec<(u64, i64)> = (0..=dice.below(3))
            .map(|_| (dice.below(8), dice.below(20_000).cast_signed() - 10_000))
            .collect();
        legs.push((dice.below(8), -legs.iter().map(|(_, cents)| cents).sum::<i64>()));
        Self { id, at_ms: START_MS + 86_400_000 + id * 40_000 - late, legs }
    }

    /// As a JSON object.
    pub fn json(&self) -> String {
        let leg = |(holder, cents): &(u64, i64)| {
            format!("{{\"holder\":\"h{holder}\",\"amount\":\"{}\"}}", amount(*cents))
        };
        let legs: Vec<String> = self.legs.iter().map(leg).collect();
        let (id, at) = (self.id, rfc3339(self.at_ms));
        format!(
            "{{\"transfer_id\":{id},\"at\":\"{at}\",\"memo\":\"memo {id}\",\"legs\":[{}]}}",
            legs.join(",")
        )
    }

    /// The same with a last leg that cannot be read: none of it may be stored.
    pub fn broken(&self) -> String {
        let json = self.json();
        json.replace("}]}", "},{\"holder\":\"h1\",\"amount\":\"much\"}]}")
    }

    fn row(&self) -> String {
        format!("{},{},memo {}", self.id, rfc3339(self.at_ms), self.id)
    }

    fn rows(&self) -> impl Iterator<Item = String> {
        let at = rfc3339(self.at_ms);
        self.legs.iter().enumerate().map(move |(leg, (holder, cents))| {
            format!("{},{},{at},h{holder},{}", self.id, leg + 1, amount(*cents))
        })
    }
}

/// The reading of a meter, or one that takes another back.
#[derive(Debug, Clone)]
pub struct Reading {
    id: u64,
    meter: u64,
    at_ms: u64,
    cents: u64,
    reverses: Option<u64>,
}

impl Reading {
    /// The reading with this number. One in eight takes back another, that came before or comes
    /// later; each is taken back at most once, since `free` are those that were not.
    pub fn roll(dice: &mut Cuts, id: u64, free: &mut Vec<u64>) -> Self {
        let reverses = (dice.below(8) == 0 && !free.is_empty())
            .then(|| free.swap_remove(dice.below(free.len() as u64) as usize));
        if reverses.is_none() {
            free.push(id);
        }
        let late = if dice.below(10) == 0 { dice.below(86_400_000) } else { 0 };
        Self {
            id,
            meter: dice.below(4),
            at_ms: START_MS + 86_400_000 + id * 30_000 - late,
            cents: dice.below(100_000),
            reverses,
        }
    }

    /// As a JSON object.
    pub fn json(&self) -> String {
        let reverses = self.reverses.map_or("null".to_owned(), |id| id.to_string());
        format!(
            "{{\"reading_id\":{},\"read_at\":\"{}\",\"meter\":\"m{}\",\"litres\":\"{}\",\
             \"reverses_id\":{reverses}}}",
            self.id,
            rfc3339(self.at_ms),
            self.meter,
            amount(self.cents.cast_signed())
        )
    }

    fn row(&self) -> String {
        let (id, at, litres) = (self.id, rfc3339(self.at_ms), amount(self.cents.cast_signed()));
        format!("{id},{at},m{},{litres},", self.meter)
    }
}

/// Two decimals.
fn amount(cents: i64) -> String {
    let (sign, cents) = (if cents < 0 { "-" } else { "" }, cents.unsigned_abs());
    format!("{sign}{}.{:02}", cents / 100, cents % 100)
}

/// What the streams of the campaign should hold.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Of the requests that were answered with 200.
    pub orders: Vec<Order>,
    /// Each once.
    pub transfers: Vec<Transfer>,
    /// All of them, those that were taken back and those that did it.
    pub readings: Vec<Reading>,
}

/// Rollups and states by queries of their own over the raw rows.
const DERIVED: [(&str, &str, &str); 6] = [
    (
        "sales_1h",
        "shop, bucket, amount, orders",
        "select shop, date_trunc('hour', at), sum(amount), count(*) from wanted.orders \
         group by 1, 2",
    ),
    (
        "ledger",
        "holder, balance, entries",
        "select holder, sum(amount), count(*) from wanted.entries group by 1",
    ),
    (
        "moved_1d",
        "bucket, transfers",
        "select date_trunc('day', at), count(*) from wanted.transfers group by 1",
    ),
    (
        "usage_1h",
        "meter, bucket, litres, peak, readings",
        "select meter, date_trunc('hour', read_at), sum(litres), max(litres), count(*) \
         from wanted.readings group by 1, 2",
    ),
    (
        "meters",
        "meter, latest, litres",
        "select meter, (array_agg(litres order by read_at desc, reading_id desc))[1], sum(litres) \
         from wanted.readings group by 1",
    ),
    ("pulse_1h", "bucket, beats", "select date_trunc('hour', at), count(*) from beats group by 1"),
];

impl Wanted {
    /// Holds streams, rollups and states against it.
    pub async fn hold(&self, connection: &Connection) {
        let mut make = "drop schema if exists wanted cascade; create schema wanted".to_owned();
        for table in ["orders", "transfers", "entries", "readings"] {
            make += &format!("; create table wanted.{table} as select * from {table} limit 0");
        }
        connection.batch_execute(&make).await.unwrap();
        let gone: HashSet<u64> = self.readings.iter().filter_map(|one| one.reverses).collect();
        let live = |one: &&Reading| one.reverses.is_none() && !gone.contains(&one.id);
        let readings = self.readings.iter().filter(live).map(Reading::row);
        copy(connection, "wanted.orders", self.orders.iter().map(Order::row)).await;
        copy(connection, "wanted.transfers", self.transfers.iter().map(Transfer::row)).await;
        copy(connection, "wanted.entries", self.transfers.iter().flat_map(Transfer::rows)).await;
        copy(connection, "wanted.readings", readings).await;
        for table in ["orders", "transfers", "entries", "readings"] {
            let rows = |schema: &str| format!("select * from {schema}.{table}");
            same_rows(connection, table, &rows("public"), &rows("wanted")).await;
        }
        for (table, columns, wanted) in DERIVED {
            let found = format!("select {columns} from {table}");
            same_rows(connection, table, &found, wanted).await;
        }
        for cause in ["reversal", "reversed"] {
            let kept = format!("select count(*) from readings_retracted where cause = '{cause}'");
            assert_eq!(number(connection, &kept).await, gone.len() as i64, "{cause}");
        }
        connection.batch_execute("drop schema wanted cascade").await.unwrap();
    }
}
