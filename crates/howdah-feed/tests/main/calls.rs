//! The feed of calls: the same bytes ever, books that balance, faults that are counted.

use std::collections::{BTreeMap, BTreeSet};

use howdah_feed::{Broken, Event, Expected, Options};
use serde_json::Value;

use crate::{fingerprints, is_accounted_for, options};

fn fed(options: &Options) -> (Vec<Event>, Expected) {
    crate::fed("calls", options)
}

#[test]
fn the_feed_and_its_entities_are_the_same_as_ever() {
    assert_eq!(
        fingerprints("calls", 20_000),
        (0x914a_1c53_2a60_236e, 0x7883_18a3_7170_020b),
        "changed on purpose? then change this too"
    );
}

#[test]
fn as_many_events_arrive_as_were_asked_for_and_each_is_accounted_for() {
    for count in [0, 1, 100, 5_000, 20_000] {
        is_accounted_for("calls", count);
    }
}

#[test]
fn every_transaction_of_the_ledger_sums_to_zero_in_each_bucket() {
    let (all, expected) = fed(&options(20_000));
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    let mut keys = BTreeSet::new();
    for event in all.iter().filter(|event| event.stream == "ledger") {
        let txn: Value = serde_json::from_str(&event.json).unwrap();
        keys.insert(txn["idempotency_key"].to_string());
        let mut buckets: BTreeMap<String, i64> = BTreeMap::new();
        for leg in txn["legs"].as_array().unwrap() {
            let amount: i64 = leg["amount"].as_str().unwrap().replace('.', "").parse().unwrap();
            assert_ne!(amount, 0);
            *buckets.entry(leg["bucket"].to_string()).or_default() += amount;
            *sums.entry(leg["bucket"].to_string()).or_default() += amount;
        }
        assert!(buckets.values().all(|sum| *sum == 0), "{txn}");
    }
    assert!(sums.values().all(|sum| *sum == 0));
    let counts = expected.stream("ledger");
    assert_eq!(keys.len() as u64, counts.rows + counts.broken, "one key for each transaction");
}

#[test]
fn skew_and_faults_are_those_of_the_brief() {
    let (all, expected) = fed(&options(100_000));
    let webhooks = expected.stream("call_events");
    let share = |part: u64| part as f64 / webhooks.rows as f64;
    assert!((0.015..0.025).contains(&share(webhooks.duplicates)), "{webhooks:?}");
    assert!((0.007..0.013).contains(&share(expected.out_of_order())));
    assert!(expected.late() > 0 && expected.broken(Broken::Retried) > 0);
    assert!(expected.broken(Broken::OverLimit) > 0);
    let mut buyers: BTreeMap<String, u64> = BTreeMap::new();
    for event in all.iter().filter(|event| event.stream == "bid_events") {
        let Ok(bid) = serde_json::from_str::<Value>(&event.json) else { continue };
        *buyers.entry(bid["buyer_id"].to_string()).or_default() += 1;
    }
    let mut counts: Vec<u64> = buyers.into_values().collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    let total: u64 = counts.iter().sum();
    assert!(counts[0] * 100 / total >= 6, "the first buyer places more than six in a hundred");
    // Nothing lies after the end, and nothing before the beginning.
    let last = all
        .iter()
        .filter(|event| event.stream == "call_events")
        .filter_map(|event| serde_json::from_str::<Value>(&event.json).ok())
        .filter_map(|event| event["event_time"].as_str().map(str::to_owned))
        .max();
    assert!(last.unwrap().as_str() < "2026-11-21T00:05", "nothing is ahead of its time");
}

#[test]
fn the_feed_ends_within_the_last_hours_of_its_span() {
    let options = options(60_000);
    let (all, _) = fed(&options);
    let mut hours: BTreeMap<String, u64> = BTreeMap::new();
    for event in all.iter().filter(|event| event.json.contains("\"initiated\"")) {
        let call: Value = serde_json::from_str(&event.json).unwrap();
        *hours.entry(call["event_time"].as_str().unwrap()[..13].to_owned()).or_default() += 1;
    }
    assert!((20..=25).contains(&hours.len()), "{hours:?}");
    let most = hours.values().max().unwrap();
    let mean = hours.values().sum::<u64>() / hours.len() as u64;
    assert!(*most < 4 * mean, "no heap at the end: {hours:?}");
}

#[test]
fn every_stream_of_the_feed_has_a_source() {
    let system = include_str!("../../../../systems/calls/howdah.toml");
    let (_, expected) = fed(&options(20_000));
    assert!(expected.streams().count() >= 8);
    for (stream, _) in expected.streams() {
        assert!(system.contains(&format!("stream = \"{stream}\" }}")), "{stream}");
    }
}
