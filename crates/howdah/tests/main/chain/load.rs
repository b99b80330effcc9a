//! Loads of the brief, §12, under faults: right at every commit, whoever is killed.

use std::time::{Duration, Instant};

use howdah_feed::chain::{self, ChainEvent, STREAMS};
use howdah_feed::{Event, Options};
use howdah_testkit::Cuts;
use nix::sys::signal::Signal;

use super::rig::{ChainRig, INVARIANTS, broken};
use crate::rig::{PATIENCE, until};

/// 2026-11-21 00:00 UTC.
const UNTIL_MS: i64 = 1_795_219_200_000;

/// A load of so many events, and what is live after it.
pub fn load(events: u64, profile: &str) -> (Vec<Event>, Vec<ChainEvent>) {
    let options = Options { profile: profile.to_owned(), ..Options::new(events, 77, UNTIL_MS) };
    chain::play(&options).unwrap()
}

/// Sends them as the feed does, each to its stream.
pub async fn send(system: &mut ChainRig, messages: &[Event]) {
    let sent = messages.iter().map(|message| (message.stream, message.json.as_str()));
    system.send_all(sent).await;
}

async fn until_committed(system: &ChainRig, events: u64) {
    let done = format!("select coalesce(sum(events), 0) >= {events} from howdah.positions");
    until("the load is committed", &system.connection, &done).await;
}

#[tokio::test]
async fn r1_a_reader_under_load_never_sees_an_invariant_broken() {
    let mut system = ChainRig::new(&STREAMS).await;
    let (messages, live) = load(12_000, "L2");
    let mut running = system.rig.start(&["run"]);
    let reader = system.rig.connect().await;
    for (looks, some) in messages.chunks(messages.len() / 8 + 1).enumerate() {
        send(&mut system, some).await;
        reader.batch_execute("begin isolation level repeatable read read only").await.unwrap();
        for (name, sql) in INVARIANTS {
            let found = broken(&reader, sql).await;
            assert!(found.is_empty(), "{name} after {looks} looks: {found:#?}");
        }
        reader.batch_execute("commit").await.unwrap();
    }
    until_committed(&system, 12_000).await;
    running.signal(Signal::SIGTERM);
    assert_eq!(running.wait().await, Some(0), "{}", running.said());
    system.holds(&live).await;
    assert_eq!(system.letters().await, "");
    system.rig.fine(&["verify"]).await;
}

#[tokio::test]
async fn r3_signals_at_any_moment_lose_nothing_and_end_with_0() {
    let mut system = ChainRig::new(&STREAMS).await;
    let (messages, live) = load(9_000, "L3");
    send(&mut system, &messages).await;
    let mut dice = Cuts::new(78);
    for round in 0..8 {
        let mut running = system.rig.start(&["run"]);
        tokio::time::sleep(Duration::from_millis(100 + dice.below(600))).await;
        running.signal(if round % 2 == 0 { Signal::SIGTERM } else { Signal::SIGINT });
        let code = running.wait().await;
        // A signal that comes before it is caught ends the process as signals do.
        assert!(code.is_none_or(|code| code == 0), "{code:?}: {}", running.said());
        system.invariants().await;
    }
    system.run().await;
    system.holds(&live).await;
}

#[tokio::test]
async fn case_b1_killed_at_any_moment_a_chunk_of_75_is_whole() {
    let mut system = ChainRig::new(&STREAMS).await;
    let (messages, live) = load(7_500, "L1-zipf-75");
    send(&mut system, &messages).await;
    let mut dice = Cuts::new(79);
    for _ in 0..12 {
        let mut running = system.rig.start(&["run"]);
        tokio::time::sleep(Duration::from_millis(150 + dice.below(500))).await;
        running.kill9().await;
        let whole = "select coalesce(sum(events), 0) % 75 from howdah.positions";
        let rest = system.value(whole).await;
        let all = "select coalesce(sum(events), 0) from howdah.positions";
        let last = system.value(all).await == "7500";
        assert!(rest == "0" || last, "an entry is committed whole");
        system.invariants().await;
    }
    system.run().await;
    system.holds(&live).await;
    assert_eq!(system.value("select count(*) from stakes").await, "7500");
}

#[tokio::test]
async fn case_b9_eight_writers_on_skewed_keys_make_no_difference() {
    let names: Vec<String> = (0..8).map(|n| format!("part{n}")).collect();
    let streams: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut system = ChainRig::new(&streams).await;
    let (messages, live) = load(20_000, "L1-zipf-75");
    let mut dice = Cuts::new(80);
    let spread: Vec<(&str, &str)> =
        messages.iter().map(|message| (*dice.pick(&streams), message.json.as_str())).collect();
    system.send_all(spread).await;
    system.run().await;
    system.holds(&live).await;
    assert_eq!(system.value("select count(*) from stakes").await, "20000");
}

/// A batch a message, of six shards at once: most of them share their locks.
#[tokio::test]
async fn r4_batches_side_by_side_derive_what_one_after_the_other_would() {
    let mut system = ChainRig::new(&STREAMS).await;
    system.rig.append("howdah.toml", "\n[ingest]\nbatch_rows = 1\n");
    let (messages, live) = load(5_000, "L3");
    send(&mut system, &messages).await;
    let ended = system.run().await;
    let beside = ended.stderr.matches("the batch ran beside others").count();
    assert!(beside * 2 > messages.len(), "{beside} of {}", messages.len());
    system.holds(&live).await;
    system.invariants().await;
}

#[tokio::test]
async fn case_b10_connections_that_are_cut_under_load_cost_nothing() {
    let mut system = ChainRig::new(&STREAMS).await;
    let (messages, live) = load(8_000, "L2");
    let mut running = system.rig.start(&["run"]);
    let cut = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
               where usename = current_user and pid <> pg_backend_pid()";
    for some in messages.chunks(messages.len() / 10 + 1) {
        send(&mut system, some).await;
        // What starts may fail at once; what runs may not.
        until_committed(&system, 1).await;
        system.connection.execute(cut, &[]).await.unwrap();
        system.cut_redis().await;
    }
    let start = Instant::now();
    while system.value("select sum(events) from howdah.positions").await != "8000" {
        assert!(running.runs() && start.elapsed() < PATIENCE, "{}", running.said());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    running.signal(Signal::SIGTERM);
    assert_eq!(running.wait().await, Some(0), "{}", running.said());
    system.holds(&live).await;
}

#[tokio::test]
async fn load_l5_of_hot_keys_is_right() {
    let mut system = ChainRig::new(&STREAMS).await;
    let (messages, live) = load(8_000, "L5");
    send(&mut system, &messages).await;
    system.run().await;
    system.holds(&live).await;
}

#[tokio::test]
async fn every_repeat_and_every_broken_event_of_the_feed_is_told() {
    let mut system = ChainRig::new(&STREAMS).await;
    let mut feed = howdah_feed::events("chain", &Options::new(12_000, 81, UNTIL_MS)).unwrap();
    let messages: Vec<Event> = feed.by_ref().collect();
    send(&mut system, &messages).await;
    system.run().await;
    system.invariants().await;
    for (stream, counts) in feed.expected().streams() {
        let found = format!(
            "select rows, duplicates, dead_letters from howdah.positions where shard = '{stream}'"
        );
        let expected = format!("{},{},{}", counts.rows, counts.duplicates, counts.broken);
        assert_eq!(system.value(&found).await, expected, "{stream}");
    }
}
