//! The worked numbers of the trading brief, §10.

use std::fmt::Write as _;

use crate::apply::{trading, trading_system};
use crate::engine::Engine;

const TENANT: &str = "9b2d6f2e-70a5-4c1b-8a1f-3c0a77e1d002";
const USER: &str = "c0ffee00-1111-4222-8333-444455556666";
const CONNECTION: &str = "c0ffee00-1111-4222-8333-444455557777";

/// The trading system with one tenant, and files instead of Redis.
async fn world() -> Engine {
    let migrations = format!(
        "{}; begin; insert into tenants (id, kind, name, owner_id) \
         values ('{TENANT}', 'trader', 't', '{USER}'); \
         insert into users (id, tenant_id, email, name) values ('{USER}', '{TENANT}', 'a@b', 'u'); \
         insert into tenant_members (tenant_id, user_id, role) \
         values ('{TENANT}', '{USER}', 'trader'); commit;",
        trading(false)
    );
    Engine::applied(&migrations, &trading_system()).await
}

/// All orders of five things.
fn orders(of: usize) -> Vec<Vec<usize>> {
    if of == 0 {
        return vec![Vec::new()];
    }
    let mut out = Vec::new();
    for shorter in orders(of - 1) {
        for place in 0..of {
            let mut order = shorter.clone();
            order.insert(place, of - 1);
            out.push(order);
        }
    }
    out
}

/// A Redis entry's field holds the event.
fn trade(symbol: &str, id: u32, time: &str, price: &str, quantity: &str) -> String {
    format!(
        r#"{{"event_time": "2025-10-17T{time}Z", "exchange": "x", "symbol": "{symbol}",
        "trade_id": {id}, "price": "{price}", "amount": "{quantity}", "side": "buy"}}"#
    )
}

#[tokio::test]
async fn w3_a_candle_is_the_same_in_all_120_arrival_orders() {
    let engine = world().await;
    let mut feed = engine.feed("trades").await;
    let orders = orders(5);
    assert_eq!(orders.len(), 120);
    for (number, order) in orders.iter().enumerate() {
        let symbol = format!("s{number}");
        let trades = [
            trade(&symbol, 3, "12:00:00.5", "10", "1"),
            trade(&symbol, 1, "12:00:00.1", "9", "2"),
            trade(&symbol, 2, "12:00:00.1", "11", "1"),
            trade(&symbol, 4, "12:00:59.9", "10.5", "4"),
            trade(&symbol, 5, "12:01:00.0", "12", "1"),
        ];
        let arriving: Vec<&String> = order.iter().map(|place| &trades[*place]).collect();
        // All five at once, one by one, and two batches.
        let size = [5, 1, 2][number % 3];
        for batch in arriving.chunks(size) {
            assert_eq!(feed.commit(batch).await.rows, batch.len() as u64);
        }
    }
    let candles = |table: &str| {
        format!(
            "select distinct concat_ws(' ', trim_scale(open), trim_scale(high), trim_scale(low), \
             trim_scale(close), trim_scale(volume), trim_scale(quote), \
             trim_scale(round(quote / volume, 6)), trades) from {table}"
        )
    };
    let minute = candles("candles_1m where bucket = '2025-10-17 12:00+00'");
    assert_eq!(engine.texts(&minute).await, ["9 11 9 10.5 8 81 10.125 4"]);
    let next = candles("candles_1m where bucket = '2025-10-17 12:01+00'");
    assert_eq!(engine.texts(&next).await, ["12 12 12 12 1 12 12 1"]);
    let day = candles("candles_1d");
    assert_eq!(engine.texts(&day).await, ["9 12 9 12 9 93 10.333333 5"]);
    assert_eq!(engine.one::<i64>("select count(*) from candles_1m").await, 240);
    let tickers = "select distinct trim_scale(price)::text from tickers";
    assert_eq!(engine.texts(tickers).await, ["12"]);
    engine.assert_fold_is_rebuild().await;
}

#[tokio::test]
async fn w1_the_average_price_is_exact_in_every_arrival_order() {
    let engine = world().await;
    let mut feed = engine.feed("fills").await;
    let fills = [
        ("buy", "100", "1", "0.100"),
        ("buy", "110", "1", "0.110"),
        ("sell", "120", "0.5", "0.060"),
        ("sell", "90", "2.5", "0.225"),
    ];
    let fill = |symbol: &str, place: usize| {
        let (side, price, quantity, fee) = fills[place];
        let mut event = String::new();
        write!(
            event,
            r#"{{"event_time": "2025-10-17T13:0{place}:00Z", "tenant_id": "{TENANT}",
            "user_id": "{USER}", "connection_id": "{CONNECTION}",
            "order_id": "1f0c7a52-8a33-4f0f-9a10-5d0f62f7b001", "exchange": "x",
            "symbol": "{symbol}", "trade_id": {}, "side": "{side}", "price": "{price}",
            "amount": "{quantity}", "fee_amount": "{fee}", "fee_currency": "USDT",
            "fee_quote": "{fee}", "liquidity": "taker"}}"#,
            symbol.trim_start_matches('s').parse::<usize>().unwrap() * 10 + place,
        )
        .unwrap();
        event
    };
    let state = "select concat_ws(' ', trim_scale(quantity), trim_scale(entry_price), \
         trim_scale(realised), trim_scale(fees), fills) from positions where symbol = ";
    // Step by step in order, with the numbers of the brief.
    for (place, expected) in
        ["1 100 0 0.1 1", "2 105 0 0.21 2", "1.5 105 7.5 0.27 3", "-1 90 -15 0.495 4"]
            .iter()
            .enumerate()
    {
        assert_eq!(feed.commit(&[fill("s0", place)]).await.rows, 1);
        assert_eq!(engine.texts(&format!("{state}'s0'")).await, [*expected]);
    }
    let unrealised = "select trim_scale((85 - entry_price) * quantity)::text || ' ' || \
         trim_scale(realised - fees)::text from positions where symbol = 's0'";
    assert_eq!(engine.texts(unrealised).await, ["5 -15.495"]);
    // In all 24 arrival orders: late fills that come before earlier ones.
    for (number, order) in orders(4).iter().enumerate() {
        let symbol = format!("s{}", number + 1);
        let arriving: Vec<String> = order.iter().map(|place| fill(&symbol, *place)).collect();
        for batch in arriving.chunks([1, 2, 4][number % 3]) {
            assert_eq!(feed.commit(batch).await.rows, batch.len() as u64);
        }
        let now = engine.texts(&format!("{state}'{symbol}'")).await;
        assert_eq!(now, ["-1 90 -15 0.495 4"], "{order:?}");
    }
    engine.assert_fold_is_rebuild().await;
}
