//! Millions of broken texts for the decoder of the chain: none is a panic, each is accounted for.
//!
//! `HOWDAH_FUZZ_INPUTS=10000000 cargo test --release -p howdah-stream --test main fuzz` is the run
//! that the brief asks for; without the variable it is short. `HOWDAH_SEED` gives another course.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use howdah_stream::{Body, Decoded, Decoder, Position, Raw};
use howdah_system::Origin;
use serde_json::Value;

use crate::chain::{EVENTS, chain, element, envelope};

/// Without the variable the run ends after so many inputs, or so much time.
const INPUTS: u64 = 20_000;
const TIME: Duration = Duration::from_secs(5);

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// What stands in for a value: the edges of each kind of number, id and text.
const VALUES: [&str; 24] = [
    "null",
    "true",
    "-1",
    "0",
    "-0",
    "1.5",
    "1e400",
    "18446744073709551616",
    "\"\"",
    "\"0x\"",
    "\"0xg\"",
    "\"-1\"",
    "\" 1\"",
    "\"1e3\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "{}",
    "[]",
    "[[]]",
    "\"0x0000000000000000000000000000000000000000000000000000000000000000000\"",
    "\"115792089237316195423570985008687907853269984665640564039457584007913129639935\"",
    "\"115792089237316195423570985008687907853269984665640564039457584007913129639936\"",
    "\"\u{1F980}\"",
    "{\"event_data\":[]}",
];
/// Bytes that matter to JSON and to hexadecimal, and some that matter to nobody.
const BYTES: &[u8] = b"{}[]\",:0x-+.eE\\/ \n\t\0\x7f\x80\xc3\xff9fFgGun";

fn seeds() -> Vec<String> {
    let mut out = Vec::new();
    for count in 0..4 {
        for name in EVENTS.iter().map(|(name, _)| *name).chain(["other"]) {
            let elements: Vec<Value> = (0..count).map(|i| element(name, i)).collect();
            out.push(envelope(name, &elements).to_string());
        }
    }
    out
}

/// Puts an odd value where a value stands: behind a colon, up to the next comma or bracket.
fn replace_value(text: &mut Vec<u8>, dice: &mut Dice) {
    let colons: Vec<usize> = (0..text.len()).filter(|at| text[*at] == b':').collect();
    if colons.is_empty() {
        return;
    }
    let start = colons[dice.below(colons.len())] + 1;
    let end = (start..text.len()).find(|at| b",}]".contains(&text[*at])).unwrap_or(text.len());
    text.splice(start..end, VALUES[dice.below(VALUES.len())].bytes());
}

fn mutate(text: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..=dice.below(4) {
        if text.is_empty() {
            return;
        }
        let (at, other) = (dice.below(text.len()), dice.below(text.len()));
        let (from, to) = (at.min(other), at.max(other));
        match dice.below(8) {
            0..=2 => replace_value(text, dice),
            3 => text[at] = BYTES[dice.below(BYTES.len())],
            4 => text[at] = dice.next() as u8,
            5 => text.truncate(at),
            6 => drop(text.drain(from..to.min(from + 40))),
            _ => {
                let piece = text[from..to.min(from + 200)].to_vec();
                text.splice(at..at, piece);
            }
        }
    }
}

/// Every event is a group of rows or a refusal, and none is lost between them.
fn check(decoder: &mut Decoder, text: Vec<u8>) -> (u64, u64) {
    let text = Bytes::from(text);
    let shown = || String::from_utf8_lossy(&text).into_owned();
    let raw = Raw { position: Position("1-1".into()), body: Body::Text(text.clone()) };
    let mut found = Decoded::default();
    decoder.decode(raw, &mut found);
    let groups: BTreeSet<u32> = found.rows.iter().map(|row| row.group).collect();
    assert_eq!(found.events as usize, groups.len() + found.refusals.len(), "{}", shown());
    for refusal in &found.refusals {
        assert!(!refusal.code.is_empty() && !refusal.reason.is_empty(), "{}", shown());
    }
    (groups.len() as u64, found.refusals.len() as u64)
}

#[test]
fn r5_broken_texts_are_accounted_for_and_never_a_panic() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let wanted = number("HOWDAH_FUZZ_INPUTS");
    let mut dice = Dice(number("HOWDAH_SEED").unwrap_or(5));
    let (source, streams) = chain(Origin::Stdin);
    let mut decoder = Decoder::new(&source, &streams).unwrap();
    let seeds = seeds();
    let start = Instant::now();
    let (mut inputs, mut good, mut refused) = (0, 0, 0);
    while inputs < wanted.unwrap_or(INPUTS) && (wanted.is_some() || start.elapsed() < TIME) {
        let mut text = seeds[dice.below(seeds.len())].clone().into_bytes();
        mutate(&mut text, &mut dice);
        let (rows, refusals) = check(&mut decoder, text);
        (inputs, good, refused) = (inputs + 1, good + rows, refused + refusals);
    }
    println!("{inputs} inputs: {good} events stored, {refused} refused, {:?}", start.elapsed());
    assert!(inputs > 0 && good > 0 && refused > 0);
}
