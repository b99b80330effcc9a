//! The campaign of faults: howdah, PostgreSQL, Redis, clients, disks and clocks fail at every named
//! step of the path and at random moments of a load, and what is in the database afterwards equals
//! what went in, exactly.
//!
//! The campaign is a row of blocks, some of them side by side, since they wait most of the time. A
//! block has a database of its own; it feeds all sources, goes through some rounds of faults, and
//! ends with the proof: rows, rollups, states, dead letters, positions and answers are held against
//! a model computed apart. Faults are counted when they are seen to have struck, not when they were
//! armed.
//!
//! `HOWDAH_SEED` gives another schedule, `HOWDAH_BLOCK` runs one block of it alone, `HOWDAH_CUTS`
//! asks for so many cuts (200), `HOWDAH_SECONDS` ends it after that time (25), `HOWDAH_LANES` is
//! how many blocks run side by side (2), `HOWDAH_KIND` is which blocks: `ingest`, `upkeep` or both,
//! `HOWDAH_ROUNDS` tells of each round, `HOWDAH_MATRIX` is a
//! file for the page. `make campaign` sets them.

mod aged;
mod arena;
mod armed;
mod block;
mod client;
mod event;
mod fault;
mod load;
mod outside;
mod places;
mod proof;
mod report;
mod requests;
mod source;

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use howdah_testkit::{Cuts, Matrix};

use aged::Aged;
use arena::Arena;
use block::Block;
use fault::Fault;
use proof::Found;
use report::Report;

/// Rounds of a block: enough for faults to meet the leftovers of others, few enough for the proof
/// to stay quick.
const ROUNDS: usize = 24;
/// One block in so many is of old events and their upkeep.
const AGED: u64 = 4;
/// A campaign goes on beyond its time, on a machine that has other work, until so many have struck.
const LEAST: u64 = 30;

/// What all lanes have in common.
struct Campaign {
    dice: Cuts,
    start: Instant,
    time: Duration,
    cuts: u64,
    /// The one block to run, when that was asked for.
    only: Option<u64>,
    /// Whether all blocks are of one kind: of old events, or none of them.
    aged: Option<bool>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The next block.
    next: u64,
    blocks: u64,
    matrix: Matrix,
    found: Found,
    lacks: Vec<&'static str>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_at_every_step_lose_and_double_nothing() {
    let campaign = Campaign {
        dice: Cuts::new(20_261_121),
        start: Instant::now(),
        time: Duration::from_secs(set("HOWDAH_SECONDS").unwrap_or(25)),
        cuts: set("HOWDAH_CUTS").unwrap_or(200),
        only: set("HOWDAH_BLOCK"),
        aged: match std::env::var("HOWDAH_KIND").as_deref() {
            Ok("upkeep") => Some(true),
            Ok("ingest") => Some(false),
            _ => None,
        },
        state: Mutex::default(),
    };
    let lanes = if campaign.only.is_some() { 1 } else { set("HOWDAH_LANES").unwrap_or(2) };
    futures_util::future::join_all((0..lanes).map(|_| campaign.lane())).await;
    campaign.end();
}

impl Campaign {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the next block, when there is to be one.
    fn next(&self) -> Option<u64> {
        let mut state = self.state();
        let struck = state.matrix.total();
        if struck >= self.cuts || self.is_over(struck) {
            return None;
        }
        let number = self.only.map_or(Some(state.next), |only| (state.next == 0).then_some(only));
        state.next += 1;
        number
    }

    /// Whether the time has passed, and enough has struck for the proof to prove something.
    fn is_over(&self, struck: u64) -> bool {
        self.start.elapsed() > self.time && struck >= LEAST.min(self.cuts)
    }

    /// Runs one block after the other.
    async fn lane(&self) {
        let mut arena = Arena::start().await;
        self.state().lacks = arena.lacks();
        while let Some(number) = self.next() {
            if self.aged.unwrap_or(number % AGED == AGED - 1) {
                self.aged_block(&mut arena, number).await;
            } else {
                self.block(&mut arena, number).await;
            }
        }
    }

    /// One block of old events.
    async fn aged_block(&self, arena: &mut Arena, number: u64) {
        let told = Told { seed: self.dice.seed(), number };
        let mut dice = self.dice.branch(2 * number);
        let mut block = Aged::start(arena, &mut dice).await;
        for strike in Aged::strikes(&mut dice, ROUNDS) {
            block.round(&mut dice, strike).await;
            let struck = self.state().matrix.total() + block.struck.total();
            if self.is_over(struck) && self.only.is_none() {
                break;
            }
        }
        let found = Found { events: block.prove().await, ..Found::default() };
        self.end_block(number, &block.struck, found);
        drop(told);
    }

    /// One block. The same seed and number give the same load, faults and moments.
    async fn block(&self, arena: &mut Arena, number: u64) {
        let told = Told { seed: self.dice.seed(), number };
        let mut dice = self.dice.branch(2 * number);
        let mut block = Block::start(arena, &mut dice).await;
        for fault in self.faults(number) {
            block.round(&mut dice, fault).await;
            let struck = self.state().matrix.total() + block.struck.total();
            if self.is_over(struck) && self.only.is_none() {
                break;
            }
        }
        let found = block.prove().await;
        self.end_block(number, &block.struck, found);
        drop(told);
    }

    /// Adds what a block struck and found.
    fn end_block(&self, number: u64, struck: &Matrix, found: Found) {
        let mut state = self.state();
        state.matrix.merge(struck);
        state.found.already += found.already;
        state.found.events += found.events;
        for (all, more) in state.found.requests.iter_mut().zip(found.requests) {
            *all += more;
        }
        state.blocks += 1;
        let (cuts, took) = (state.matrix.total(), self.start.elapsed());
        println!("block {number}: {cuts} cuts, seed {}, {took:.0?}", self.dice.seed());
    }

    /// The faults of a block: its part of a deck that all blocks deal from, shuffled anew each time
    /// that it comes to its end.
    fn faults(&self, number: u64) -> Vec<Fault> {
        let all = Fault::all();
        let first = number as usize * ROUNDS;
        let deck = |deck: usize| {
            let mut dice = self.dice.branch(2 * deck as u64 + 1);
            crate::market::shuffled(&mut dice, &all)
        };
        let (mut known, mut cards) = (first / all.len(), deck(first / all.len()));
        (first..first + ROUNDS)
            .map(|place| {
                if place / all.len() != known {
                    known = place / all.len();
                    cards = deck(known);
                }
                cards[place % all.len()]
            })
            .collect()
    }

    /// Tells what was done.
    fn end(self) {
        let seed = self.dice.seed();
        let State { blocks, matrix, found, lacks, .. } =
            self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let took = self.start.elapsed();
        let report = Report { matrix: &matrix, seed, blocks, took, found, lacks: &lacks };
        let page = report.page();
        println!("{}", matrix.by_source());
        println!("{}", matrix.by_shape());
        for lack in &lacks {
            println!("skipped: {lack}");
        }
        println!("{}", report.line());
        println!("{} commits were found done after their reply was lost", found.already);
        if let Some(path) = std::env::var_os("HOWDAH_MATRIX").map(PathBuf::from) {
            std::fs::write(path, format!("{}\n", page.trim_end())).unwrap();
        }
    }
}

/// Tells how to come again to a block that failed.
struct Told {
    seed: u64,
    number: u64,
}

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { seed, number } = self;
            eprintln!("replay with HOWDAH_SEED={seed} HOWDAH_BLOCK={number}");
        }
    }
}

/// The number in an environment variable.
fn set(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.trim().parse().unwrap())
}
