//! The feed of the chain: messages as the producer sends them, the proportions of the brief, and a
//! model that agrees with the brief's own story.

use std::collections::{BTreeMap, HashSet};

use howdah_feed::chain::{self, Body, ChainEvent, NAMES, STREAMS, Tables, hex};
use howdah_feed::{Event, Options};
use serde_json::Value;

use crate::UNTIL_MS;

fn options(events: u64, profile: &str) -> Options {
    Options { profile: profile.to_owned(), ..Options::new(events, 7, UNTIL_MS) }
}

fn played(events: u64, profile: &str) -> (Vec<Event>, Vec<ChainEvent>) {
    chain::play(&options(events, profile)).unwrap()
}

/// The elements of a message, with its stream.
fn elements(messages: &[Event]) -> Vec<(&'static str, Value)> {
    let of = |message: &Event| {
        let json: Value = serde_json::from_str(&message.json).unwrap();
        let array = json["event_data"].as_array().unwrap().clone();
        assert_eq!(array.len() as u64, message.events);
        let kind = STREAMS.iter().position(|stream| *stream == message.stream).unwrap();
        assert_eq!(json["event_name"], NAMES[kind]);
        array.into_iter().map(|element| (message.stream, element)).collect::<Vec<_>>()
    };
    messages.iter().flat_map(of).collect()
}

#[test]
fn the_same_options_give_the_same_bytes_of_every_event_asked_for() {
    for profile in ["mixed", "L1", "L1-zipf-75", "L2", "L3", "L4", "L5", "L6"] {
        let (messages, _) = played(5_000, profile);
        assert_eq!(messages, played(5_000, profile).0, "{profile}");
        assert_eq!(messages.iter().map(|message| message.events).sum::<u64>(), 5_000, "{profile}");
    }
    assert!(chain::play(&options(1, "L99")).is_err());
}

#[test]
fn messages_carry_each_event_once_and_are_no_larger_than_the_producers() {
    for profile in ["L2", "L3", "L5", "L1-75"] {
        let (messages, live) = played(20_000, profile);
        let mut seen = HashSet::new();
        for (_, element) in elements(&messages) {
            let place = &element["transaction_information"];
            let id =
                (place["block_number"].as_u64(), place["log_index"].as_str().map(str::to_owned));
            assert!(seen.insert(id), "{profile}: {place}");
        }
        assert_eq!(seen.len(), live.len());
        let largest = messages.iter().map(|message| message.json.len()).max().unwrap();
        assert!(largest < 76_000, "{profile}: {largest}");
        if profile == "L3" {
            assert!(largest > 74_000, "backfill comes in full chunks: {largest}");
        }
    }
}

#[test]
fn kinds_have_the_proportions_of_the_brief() {
    let (_, live) = played(100_000, "L2");
    let mut counts = [0_u64; 5];
    for event in &live {
        counts[event.kind()] += 1;
    }
    let per_deposit = |kind: usize| counts[kind] as f64 * 100.0 / counts[2] as f64;
    for (kind, wanted, tolerance) in
        [(0, 1.5, 0.5), (1, 11.0, 1.5), (3, 9.0, 3.0), (4, 240.0, 25.0)]
    {
        let found = per_deposit(kind);
        assert!((found - wanted).abs() < tolerance, "{}: {found}, not {wanted}", NAMES[kind]);
    }
}

#[test]
fn shares_of_accounts_and_the_minimum_make_up_every_vault() {
    let (_, mut live) = played(30_000, "L2");
    // The last transaction may be cut off by the end of the feed.
    let last = live.last().unwrap().place.transaction_hash;
    live.retain(|event| event.place.transaction_hash != last);
    let mut vaults = BTreeMap::new();
    let mut positions = BTreeMap::new();
    for event in &live {
        match &event.body {
            Body::SharePriceChanged { vault, shares, .. } => {
                vaults.insert((vault.term, vault.curve), *shares);
            }
            Body::Deposited(stake) | Body::Redeemed(stake) => {
                let vault = (stake.vault.term, stake.vault.curve);
                positions.insert((vault, stake.receiver), stake.total_shares);
            }
            _ => {}
        }
    }
    let mut sums = BTreeMap::new();
    for ((vault, _), shares) in positions {
        *sums.entry(vault).or_insert(0) += shares;
    }
    assert!(vaults.len() > 500);
    for (vault, shares) in vaults {
        let held = sums.get(&vault).copied().unwrap_or(0);
        assert_eq!(held + chain::MINIMUM_SHARE, shares, "{}", hex(&vault.0));
    }
}

#[test]
fn nobody_holds_both_sides_of_a_triple_on_a_curve() {
    let (_, live) = played(30_000, "L2");
    let mut held = BTreeMap::new();
    let mut counters = BTreeMap::new();
    for event in &live {
        match &event.body {
            Body::TripleCreated { term, .. } => {
                counters.insert(*term, chain::counter_term(term));
            }
            Body::Deposited(stake) | Body::Redeemed(stake) => {
                let key = (stake.receiver, stake.vault.term, stake.vault.curve);
                held.insert(key, stake.total_shares);
                let other = counters.get(&stake.vault.term);
                let other = other.and_then(|term| held.get(&(key.0, *term, key.2)));
                assert!(stake.total_shares == 0 || other.is_none_or(|shares| *shares == 0));
            }
            _ => {}
        }
    }
    assert!(counters.len() > 500);
}

#[test]
fn one_vault_of_the_hot_load_takes_half_of_the_stakes() {
    let (_, live) = played(40_000, "L5");
    let mut counts = BTreeMap::<_, u64>::new();
    for event in &live {
        if let Body::Deposited(stake) | Body::Redeemed(stake) = &event.body {
            *counts.entry(stake.vault.term).or_default() += 1;
        }
    }
    let share = *counts.values().max().unwrap() as f64 / counts.values().sum::<u64>() as f64;
    assert!((0.40..0.60).contains(&share), "{share}");
}

#[test]
fn faults_are_counted_as_they_are_sent() {
    let mut feed = howdah_feed::events("chain", &options(50_000, "L6")).unwrap();
    let messages: Vec<Event> = feed.by_ref().collect();
    let total = feed.expected().total();
    assert_eq!(total.rows + total.duplicates + total.broken, 50_000);
    assert!((250..900).contains(&total.broken), "{total:?}");
    assert!((10_000..20_000).contains(&total.duplicates), "{total:?}");
    let whole =
        messages.iter().filter(|message| serde_json::from_str::<Value>(&message.json).is_err());
    assert_eq!(whole.count() as u64, feed.expected().broken(howdah_feed::Broken::Malformed));
}

#[test]
fn the_model_gives_the_figures_of_the_briefs_story() {
    let mut events = chain::story();
    let tables = Tables::of(&events);
    events.reverse();
    assert_eq!(tables, Tables::of(&events), "whatever the order");
    let has = |rows: &[String], end: &str| {
        assert!(rows.iter().any(|row| row.ends_with(end)), "{end} in {rows:#?}");
    };
    let vault = "1010638297872227253|54000000001000000|54574468086110910|1902199.2";
    has(&tables.vaults, &format!("|{vault}|54574468086110910|1"));
    let sums = "54000000000000000|94000000000000000|39617021276591309";
    let marks = "1902199.3|1902144.6|1902199.3|1762084800|1762084910";
    has(&tables.positions, &format!("|{sums}|{marks}"));
    has(&tables.triple_vaults, "|1|188000000002000000|188000000002000000|1|188000000002000000");
    has(&tables.triple_terms, "|188000000002000000|188000000002000000|1");
    has(&tables.predicate_objects, "|1|1|188000000002000000");
    has(&tables.subject_predicates, "|1|1|188000000002000000");
    has(&tables.terms, "|Atom|false||54574468086110910|54574468086110910");
    let counter = "c3461ae0490c79500de0715888dd0102a77cb437514d49fff6e954276d0521d4";
    let triple = "11499b66c1162dd4c4911a6abd939fe4e136dd0c668fa5d056d876978d5f8931";
    has(&tables.terms, &format!("|{counter}|Triple|true|{triple}|1000000|1000000"));
    assert_eq!(tables.terms.len(), 3);
}
