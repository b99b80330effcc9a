//! The proportions of the brief, §8.

use std::collections::HashMap;

use howdah_feed::Options;
use serde_json::Value;

use crate::{UNTIL_MS, faultless, of_stream, options, text, trading};

/// The share of messages, in per cent, for which something holds.
fn share(messages: &[Value], holds: impl Fn(&Value) -> bool) -> f64 {
    100.0 * messages.iter().filter(|message| holds(message)).count() as f64 / messages.len() as f64
}

#[track_caller]
fn close(found: f64, wanted: f64, tolerance: f64) {
    assert!((found - wanted).abs() <= tolerance, "found {found}, wanted {wanted} ± {tolerance}");
}

#[test]
fn exchanges_share_the_trades() {
    let trades = of_stream(&faultless(60_000), "trades");
    // The burst is all on the first exchange, so that has a little more.
    for (exchange, wanted) in
        [("binance", 60.0), ("coinbase", 15.0), ("kraken", 15.0), ("bybit", 6.0), ("okx", 4.0)]
    {
        close(share(&trades, |trade| text(trade, "exchange") == exchange), wanted, 1.5);
    }
}

#[test]
fn few_symbols_make_most_of_the_trades() {
    let trades = of_stream(&faultless(60_000), "trades");
    let mut counts = HashMap::<&str, u64>::new();
    for trade in &trades {
        *counts.entry(text(trade, "symbol")).or_default() += 1;
    }
    let mut ranked: Vec<u64> = counts.values().copied().collect();
    ranked.sort_unstable_by(|a, b| b.cmp(a));
    let top =
        |count: usize| 100.0 * ranked[..count].iter().sum::<u64>() as f64 / trades.len() as f64;
    close(top(2), 55.0, 2.0);
    close(top(20), 85.0, 1.5);
    assert_eq!(counts.len(), 200, "every symbol trades");
}

#[test]
fn streams_have_the_rates_of_the_brief() {
    let mut feed = trading(&faultless(100_000));
    assert_eq!(feed.by_ref().count(), 100_000);
    let rows = |stream| feed.expected().stream(stream).rows as f64 / 1_000.0;
    // One fill in ten finds its trade taken by the fill before it, and becomes a trade.
    close(rows("trades"), 90.0, 0.7);
    close(rows("fills"), 9.5, 0.6);
    close(rows("portfolio_snapshots"), 0.45, 0.1);
}

#[test]
fn the_busiest_hundredth_of_the_users_makes_half_of_the_fills() {
    let fills = of_stream(&Options { tenants: 2_000, ..faultless(100_000) }, "fills");
    let mut counts = HashMap::<&str, u64>::new();
    for fill in &fills {
        *counts.entry(text(fill, "user_id")).or_default() += 1;
    }
    let users = howdah_feed::entities_sql("trading", &Options { tenants: 2_000, ..options(0) })
        .unwrap()
        .matches("@example.com")
        .count();
    let mut ranked: Vec<u64> = counts.into_values().collect();
    ranked.sort_unstable_by(|a, b| b.cmp(a));
    let busiest: u64 = ranked[..users / 100].iter().sum();
    close(100.0 * busiest as f64 / fills.len() as f64, 50.0, 3.0);
}

#[test]
fn four_of_five_tenants_are_single_traders() {
    let sql = howdah_feed::entities_sql("trading", &options(0)).unwrap();
    assert_eq!(sql.matches(", 'trader', 'Tenant ").count(), 400);
    assert_eq!(sql.matches(", 'influencer', 'Tenant ").count(), 50);
    assert_eq!(sql.matches(", 'company', 'Tenant ").count(), 50);
}

#[test]
fn two_symbols_burst_for_five_minutes() {
    let trades = of_stream(&faultless(60_000), "trades");
    let span_minutes = 24 * 60;
    let mut per_minute = HashMap::<&str, u64>::new();
    for trade in &trades {
        *per_minute.entry(&text(trade, "event_time")[..16]).or_default() += 1;
    }
    let usual = trades.len() as u64 / span_minutes;
    let hot = per_minute.values().filter(|count| **count > usual * 5).count();
    assert!((4..=6).contains(&hot), "{hot} hot minutes");
}

#[test]
fn the_feed_fills_its_span_and_ends_in_time() {
    let trades = of_stream(&faultless(10_000), "trades");
    let times: Vec<&str> = trades.iter().map(|trade| text(trade, "event_time")).collect();
    assert!(times.is_sorted());
    assert!(times[0] < "2026-11-20T00:01", "{}", times[0]);
    let last = times[times.len() - 1];
    assert!(("2026-11-20T23:59".."2026-11-21T00:00:00.001Z").contains(&last), "{last}");
    assert_eq!(UNTIL_MS % 86_400_000, 0);
}
