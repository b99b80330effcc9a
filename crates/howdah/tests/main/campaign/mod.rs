//! The campaign of faults: howdah, PostgreSQL and Redis fail at every named step of the path and at
//! random moments of a load, and what is in the database afterwards equals what went in, exactly.
//!
//! The campaign is a row of blocks. A block has a database of its own; it feeds all sources, goes
//! through some rounds of faults, and ends with the proof: rows, rollups, states, dead letters and
//! positions are held against a model computed apart. Faults are counted when they are seen to have
//! struck, not when they were armed.
//!
//! `HOWDAH_SEED` gives another schedule, `HOWDAH_CUTS` so many cuts (300), `HOWDAH_SECONDS` ends it
//! after that time (90), `HOWDAH_MATRIX` is a file for the matrix. `make campaign` sets them.

mod armed;
mod block;
mod fault;
mod judged;
mod load;
mod outside;

use std::time::{Duration, Instant};

use howdah_testkit::{Cuts, Matrix};

use block::Block;
use fault::Fault;

/// Rounds of a block: enough for faults to meet the leftovers of others, few enough for the proof
/// to stay quick.
const ROUNDS: usize = 24;
/// A campaign that was cut short by its time has struck at least so often.
const LEAST: u64 = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_at_every_step_lose_and_double_nothing() {
    let (cuts, time) = (set("HOWDAH_CUTS", 300), Duration::from_secs(set("HOWDAH_SECONDS", 90)));
    let mut dice = Cuts::new(20_261_121);
    let start = Instant::now();
    let (mut matrix, mut blocks, mut already) = (Matrix::default(), 0, 0);
    let mut ahead: Vec<Fault> = Vec::new();
    while matrix.total() < cuts && start.elapsed() < time {
        let mut block = Block::start(&mut dice).await;
        for _ in 0..ROUNDS {
            if ahead.is_empty() {
                ahead = shuffled(&mut dice, Fault::all());
            }
            block.round(&mut dice, ahead.pop().unwrap()).await;
            if start.elapsed() > time {
                break;
            }
        }
        already += block.prove().await;
        matrix.merge(&block.struck);
        blocks += 1;
        println!(
            "block {blocks}: {} cuts, seed {}, {:.0?}",
            matrix.total(),
            dice.seed(),
            start.elapsed()
        );
    }
    println!("{}", matrix.markdown());
    println!(
        "{} cuts at {} places in {blocks} blocks, seed {}, {:.0?}: nothing lost, doubled or wrong",
        matrix.total(),
        matrix.places(),
        dice.seed(),
        start.elapsed()
    );
    println!("{already} commits were found done after their reply was lost");
    assert!(matrix.total() >= LEAST.min(cuts), "only {} cuts", matrix.total());
    if let Some(path) = std::env::var_os("HOWDAH_MATRIX") {
        std::fs::write(path, matrix.markdown()).unwrap();
    }
}

/// The number in an environment variable, or `default`.
fn set(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.trim().parse().unwrap())
}

fn shuffled(dice: &mut Cuts, mut faults: Vec<Fault>) -> Vec<Fault> {
    for place in (1..faults.len()).rev() {
        faults.swap(place, dice.below(place as u64 + 1) as usize);
    }
    faults
}
