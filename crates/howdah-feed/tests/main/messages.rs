//! What messages say: exact money, rising trade numbers, fills of real trades.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::{faultless, of_stream, text};

/// A decimal as its digits and the number of its decimal places.
fn decimal(message: &Value, field: &str) -> (i128, u32) {
    let written = text(message, field);
    let places = written.split_once('.').map_or(0, |(_, after)| after.len());
    (written.replace('.', "").parse().unwrap(), places as u32)
}

/// Whether two decimals are the same number.
fn equal(a: (i128, u32), b: (i128, u32)) -> bool {
    a.0 * 10_i128.pow(b.1) == b.0 * 10_i128.pow(a.1)
}

fn times(a: (i128, u32), b: (i128, u32)) -> (i128, u32) {
    (a.0 * b.0, a.1 + b.1)
}

#[test]
fn cost_is_price_times_amount_to_the_last_digit() {
    for stream in ["trades", "fills"] {
        for message in of_stream(&faultless(20_000), stream) {
            let (price, amount) = (decimal(&message, "price"), decimal(&message, "amount"));
            assert!(price.0 > 0 && amount.0 > 0, "{message}");
            assert!(equal(decimal(&message, "cost"), times(price, amount)), "{message}");
        }
    }
}

#[test]
fn fees_are_a_tenth_of_a_per_cent_or_less_of_the_cost() {
    let mut in_base = 0;
    for fill in of_stream(&faultless(50_000), "fills") {
        let rate = if text(&fill, "liquidity") == "maker" { (8, 4) } else { (1, 3) };
        let fee = decimal(&fill, "fee_quote");
        assert!(equal(fee, times(decimal(&fill, "cost"), rate)), "{fill}");
        assert!(fee.1 <= 18, "it fits numeric(38,18)");
        let base = text(&fill, "symbol").split('/').next().unwrap();
        if text(&fill, "fee_currency") == base {
            in_base += 1;
            let amount = times(decimal(&fill, "amount"), rate);
            assert!(equal(decimal(&fill, "fee_amount"), amount), "{fill}");
        }
    }
    assert!(in_base > 0);
}

#[test]
fn trade_numbers_rise_with_time_within_a_pair() {
    let trades = of_stream(&faultless(50_000), "trades");
    let mut last = HashMap::<(&str, &str), u64>::new();
    for trade in &trades {
        let pair = (text(trade, "exchange"), text(trade, "symbol"));
        let id: u64 = text(trade, "trade_id").parse().unwrap();
        assert!(last.insert(pair, id).is_none_or(|before| before < id), "{trade}");
    }
}

#[test]
fn fills_are_parts_of_trades_and_orders_have_one_symbol_and_side() {
    let options = faultless(50_000);
    let place = |message: &Value| {
        ["exchange", "symbol", "trade_id", "event_time", "price"]
            .map(|field| text(message, field).to_owned())
    };
    let trades = of_stream(&options, "trades");
    let trades: HashSet<[String; 5]> = trades.iter().map(place).collect();
    let fills = of_stream(&options, "fills");
    let mut orders = HashMap::<&str, [&str; 5]>::new();
    let mut taken = HashSet::new();
    for fill in &fills {
        assert!(trades.contains(&place(fill)), "{fill}");
        assert!(taken.insert(place(fill)), "a trade is filled for one user at most: {fill}");
        let about = ["user_id", "connection_id", "exchange", "symbol", "side"];
        let about = about.map(|field| text(fill, field));
        assert_eq!(*orders.entry(text(fill, "order_id")).or_insert(about), about);
    }
    assert!(orders.len() < fills.len(), "some orders have several fills");
}

#[test]
fn a_snapshot_adds_up_and_a_second_one_of_the_hour_is_a_revision() {
    let options = howdah_feed::Options { tenants: 20, ..faultless(400_000) };
    let mut seen = HashMap::<(String, String), u64>::new();
    for snapshot in of_stream(&options, "portfolio_snapshots") {
        let part = |field| decimal(&snapshot, field).0;
        assert_eq!(part("total_value"), part("cash") + part("positions_value"));
        assert!(text(&snapshot, "event_time").ends_with(":00:00.000Z"));
        let key = ["user_id", "event_time"].map(|field| text(&snapshot, field).to_owned());
        let revs = seen.entry(key.into()).or_default();
        assert_eq!(snapshot["rev"].as_u64().unwrap(), *revs);
        *revs += 1;
    }
    assert!(seen.values().any(|revs| *revs > 1));
}
