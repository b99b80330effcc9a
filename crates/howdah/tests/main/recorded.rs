//! Recorded trades of an exchange, where they are at hand, through the trading system.

use std::path::{Path, PathBuf};

use howdah_pg::Connection;
use howdah_testkit::{Cluster, Persistence, RedisServer};

use crate::market::{copy, rfc3339};
use crate::rig::{Rig, copy_folder, number, same_rows};

/// How many trades were recorded.
const TRADES: i64 = 55_270;

/// The folder of recorded data; it lies beside the repository and is no part of it.
fn data() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let there = folder.join("trading_trades.csv").is_file();
    if !there {
        println!("skipped: the recorded trades are not at hand");
    }
    there.then_some(folder)
}

/// The trading system with `file` as its system file, applied.
async fn trading(rig: &Rig, name: &str, file: &str) {
    let systems = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../systems/trading");
    copy_folder(rig, &systems, "");
    let text = std::fs::read_to_string(systems.join(file)).unwrap();
    let system = text.replacen(
        "name = \"trading\"",
        &format!("name = \"trading_{name}\"\n\n[database]\nurl = \"env:HOWDAH_TEST_DATABASE\""),
        1,
    );
    rig.write("howdah.toml", system);
    rig.fine(&["apply"]).await;
}

/// The recorded trades as a table of text and numbers, read from the CSV file alone.
async fn load_recorded(connection: &Connection, folder: &Path) {
    let make = "create schema recorded; create table recorded.trades (market text, symbol text, \
                trade_id bigint, at_ms bigint, price numeric, quantity numeric, side text)";
    connection.batch_execute(make).await.unwrap();
    let text = std::fs::read_to_string(folder.join("trading_trades.csv")).unwrap();
    copy(connection, "recorded.trades", text.lines().skip(1).map(str::to_owned)).await;
    assert_eq!(number(connection, "select count(*) from recorded.trades").await, TRADES);
}

/// Holds trades and candles of `exchange` (an SQL expression over the recorded trades) against the
/// recorded ones.
async fn hold(connection: &Connection, exchange: &str, only: &str) {
    let raw = format!(
        "select {exchange} as exchange, symbol, trade_id, \
         timestamptz 'epoch' + at_ms * interval '1 ms' as executed_at, price, quantity, side \
         from recorded.trades"
    );
    let found = format!(
        "select exchange, symbol, trade_id, executed_at, price, quantity, side::text \
         from trades where {only}"
    );
    same_rows(connection, "trades", &found, &raw).await;
    for (suffix, unit) in [("1m", "minute"), ("1h", "hour"), ("1d", "day")] {
        let expected = format!(
            "select exchange, symbol, date_trunc('{unit}', executed_at, 'UTC'), \
             (array_agg(price order by executed_at, trade_id))[1], max(price), min(price), \
             (array_agg(price order by executed_at desc, trade_id desc))[1], sum(quantity), \
             sum(price * quantity), sum(case side when 'buy' then quantity end), count(*) \
             from ({raw}) r group by 1, 2, 3"
        );
        let found = format!(
            "select exchange, symbol, bucket, open, high, low, close, volume, quote, buy_volume, \
             trades from candles_{suffix} where {only}"
        );
        same_rows(connection, &format!("candles_{suffix}"), &found, &expected).await;
    }
}

#[tokio::test]
async fn recorded_trades_give_their_candles_from_files() {
    let Some(folder) = data() else { return };
    let database = Cluster::shared().await.database().await;
    let rig = Rig::new(&database);
    trading(&rig, database.name(), "howdah.files.toml").await;
    for (name, from) in
        [("trades.csv", "trading_trades.csv"), ("trades_raw.ndjson", "trading_trades_raw.ndjson")]
    {
        rig.write(name, std::fs::read(folder.join(from)).unwrap());
    }
    let run = ["run", "--once", "--source", "trades_csv", "--source", "trades_raw"];
    rig.fine(&run).await;
    let connection = rig.connect().await;
    load_recorded(&connection, &folder).await;
    hold(&connection, "market", "exchange <> 'binance'").await;
    hold(&connection, "'binance'", "exchange = 'binance'").await;
    rig.fine(&run).await;
    assert_eq!(number(&connection, "select count(*) from trades").await, 2 * TRADES);
    rig.fine(&["verify"]).await;
}

#[tokio::test]
async fn recorded_trades_give_their_candles_from_redis() {
    let Some(folder) = data() else { return };
    let database = Cluster::shared().await.database().await;
    let redis = RedisServer::start(Persistence::None).await.unwrap();
    let rig = Rig::new(&database).with_redis(redis.url());
    trading(&rig, database.name(), "howdah.toml").await;
    let client = redis::Client::open(redis.url()).unwrap();
    let mut feeder = client.get_multiplexed_async_connection().await.unwrap();
    let text = std::fs::read_to_string(folder.join("trading_trades.csv")).unwrap();
    let lines: Vec<&str> = text.lines().skip(1).collect();
    for some in lines.chunks(1_000) {
        let mut pipe = redis::pipe();
        for line in some {
            let event = message(line);
            pipe.cmd("XADD").arg("trades").arg("*").arg("data").arg(event).ignore();
        }
        pipe.query_async::<()>(&mut feeder).await.unwrap();
    }
    rig.fine(&["run", "--once", "--source", "trades"]).await;
    let connection = rig.connect().await;
    load_recorded(&connection, &folder).await;
    hold(&connection, "market", "true").await;
    rig.fine(&["verify"]).await;
}

/// A record of the CSV file as the message that the trading system reads.
fn message(record: &str) -> String {
    let fields: Vec<&str> = record.split(',').collect();
    let [market, symbol, id, at_ms, price, quantity, side] = fields[..] else {
        panic!("seven fields")
    };
    let at = rfc3339(at_ms.parse().unwrap());
    format!(
        "{{\"exchange\":\"{market}\",\"symbol\":\"{symbol}\",\"trade_id\":{id},\
         \"event_time\":\"{at}\",\"price\":\"{price}\",\"amount\":\"{quantity}\",\
         \"side\":\"{side}\"}}"
    )
}
