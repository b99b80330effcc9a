//! The loop of a run: nothing lost, nothing doubled, whatever the database does.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::path::Path;
use std::time::Duration;

use howdah_error::{Code, Error, Kind, Result};
use howdah_pg::RetryPolicy;
use howdah_stream::progress::Ownership;
use howdah_stream::{
    Access, Claim, Decoder, Ended, PATIENT, Pace, Progress, Reporter, Run, run_shard, source,
};
use howdah_system::{ColumnType, Format, IngestLimits, Origin, ReadAs, Source, Stream};
use tokio_util::sync::CancellationToken;

use crate::fake::{Fake, Order};
use crate::model::{column, field, file, source as source_of, stream};

fn numbered() -> Stream {
    stream(vec![column("n", "bigint", ColumnType::Int8)])
}

/// A run over a file of `text` with small batches, cut by their size alone, and no waits.
fn run_of(folder: &Path, text: &str) -> Run {
    std::fs::write(folder.join("feed.ndjson"), text).unwrap();
    let source = source_of(&numbered(), file("feed.ndjson"), Format::Json);
    Run {
        shard: source::shards_of(&source).remove(0),
        source,
        claim: claim(),
        keyed: true,
        chunk_bytes: 1 << 20,
        access: Access { folder: folder.to_owned(), url: None },
        pace: Pace::default(),
        limits: IngestLimits { batch_rows: 7, linger_ms: 60_000, ..IngestLimits::default() },
        once: true,
        retry: RetryPolicy {
            attempts: 50,
            total: Duration::from_secs(60),
            base: Duration::ZERO,
            cap: Duration::ZERO,
        },
    }
}

pub async fn go(run: &Run, fake: &Fake) -> Result<Ended> {
    let decoder = || Decoder::new(&run.source, &[numbered()]);
    let (reporter, _) = Reporter::new(run.shard.clone());
    let connect = || async { Ok(fake.connect()) };
    run_shard(run, decoder, connect, None, &reporter, &CancellationToken::new()).await
}

/// Somebody who wants a shard.
pub fn claim() -> Claim {
    Claim { owner: "this one".to_owned(), lease: Duration::from_millis(200) }
}

pub fn events(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{{\"at\":\"2025-10-17T00:00:00Z\",\"n\":{n}}}")).collect()
}

#[tokio::test]
async fn a_file_is_committed_in_order_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let events = events(100);
    let run = run_of(folder.path(), &events.join("\n"));
    let fake = Fake::default();
    assert_eq!(go(&run, &fake).await.unwrap(), Ended::Exhausted);
    assert_eq!(fake.kept().rows, events);
    assert_eq!(fake.kept().batches, [[7; 14].as_slice(), &[2]].concat());
    assert_eq!(go(&run, &fake).await.unwrap(), Ended::Exhausted);
    assert_eq!(fake.kept().rows, events);
}

#[tokio::test]
async fn a_batch_never_ends_within_an_entry() {
    let folder = tempfile::tempdir().unwrap();
    let entry = |count| format!("{{\"all\":[{}]}}", events(count).join(","));
    let counts = [5, 5, 0, 20, 1, 1];
    let text: Vec<String> = counts.into_iter().map(entry).collect();
    let mut run = run_of(folder.path(), &text.join("\n"));
    run.source.each = Some(vec!["all".into()]);
    for mapping in &mut run.source.routes[0].map {
        let path = format!("all[].{}", mapping.column.as_str());
        mapping.from = field(&path, ReadAs::Type);
    }
    let fake = Fake::default();
    assert_eq!(go(&run, &fake).await.unwrap(), Ended::Exhausted);
    assert_eq!(fake.kept().batches, [10, 20, 2]);
    let end = fake.kept().position.clone();

    // An entry without events moves the position all the same.
    std::fs::write(
        folder.path().join("feed.ndjson"),
        format!("{}\n{}\n", text.join("\n"), entry(0)),
    )
    .unwrap();
    assert_eq!(go(&run, &fake).await.unwrap(), Ended::Exhausted);
    assert_eq!(fake.kept().batches, [10, 20, 2, 0]);
    assert_ne!(fake.kept().position, end);
}

#[tokio::test]
async fn failures_before_and_after_the_commit_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let events = events(200);
    let run = run_of(folder.path(), &events.join("\n"));
    let fake = Fake::default();
    let cycle = [Order::FailBefore, Order::Commit, Order::FailAfter, Order::FailBefore];
    fake.kept().orders = cycle.into_iter().cycle().take(80).collect();
    assert_eq!(go(&run, &fake).await.unwrap(), Ended::Exhausted);
    assert_eq!(fake.kept().rows, events);
    assert!(fake.kept().writers > 20, "each failure makes a new writer");
}

#[tokio::test]
async fn an_outage_longer_than_the_policy_ends_the_run_and_the_next_one_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let events = events(50);
    let mut run = run_of(folder.path(), &events.join("\n"));
    run.retry.attempts = 3;
    let fake = Fake::default();
    fake.kept().orders = [[Order::Commit; 2].as_slice(), &[Order::FailBefore; 3]].concat();
    assert_eq!(go(&run, &fake).await.unwrap_err().kind(), Kind::Unavailable);
    assert_eq!(fake.kept().rows, events[..14]);
    fake.kept().orders = vec![Order::Commit, Order::Refuse];
    assert_eq!(go(&run, &fake).await.unwrap_err().kind(), Kind::Refused);
    assert_eq!(go(&run, &fake).await.unwrap(), Ended::Exhausted);
    assert_eq!(fake.kept().rows, events);
}

#[tokio::test]
async fn bad_events_become_refusals_and_take_nothing_with_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = events(10);
    lines.insert(3, "not json".into());
    lines.insert(7, "{\"n\":1}".into());
    let run = run_of(folder.path(), &lines.join("\n"));
    let fake = Fake::default();
    go(&run, &fake).await.unwrap();
    assert_eq!(fake.kept().rows, events(10));
    assert_eq!(fake.kept().refusals, ["bad_json", "missing_field"]);

    let only_bad = tempfile::tempdir().unwrap();
    let run = run_of(only_bad.path(), "x\ny\n");
    let fake = Fake::default();
    go(&run, &fake).await.unwrap();
    assert_eq!(fake.kept().batches, [2]);

    let empty = tempfile::tempdir().unwrap();
    let run = run_of(empty.path(), "");
    let fake = Fake::default();
    assert_eq!(go(&run, &fake).await.unwrap(), Ended::Exhausted);
    assert!(fake.kept().batches.is_empty());
}

#[tokio::test]
async fn a_shutdown_ends_the_run_while_the_database_is_away() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = run_of(folder.path(), &events(50).join("\n"));
    run.retry = PATIENT;
    let (reporter, mut watch) = Reporter::new(run.shard.clone());
    let shutdown = CancellationToken::new();
    let token = shutdown.clone();
    let running = tokio::spawn(async move {
        let connect = || async { Err::<crate::fake::FakeWriter, _>(away()) };
        let decoder = || Decoder::new(&run.source, &[numbered()]);
        run_shard(&run, decoder, connect, None, &reporter, &token).await
    });
    watch.wait_for(|progress| progress.waiting.is_some()).await.unwrap();
    shutdown.cancel();
    assert_eq!(running.await.unwrap().unwrap(), Ended::Stopped);
}

fn away() -> Error {
    Error::new(Kind::Unavailable, "away")
}

#[tokio::test]
async fn a_shard_of_another_is_waited_for_and_taken_over_where_he_left_it() {
    let folder = tempfile::tempdir().unwrap();
    let events = events(100);
    let mut run = run_of(folder.path(), &events.join("\n"));
    run.once = false;
    let fake = Fake::default();
    fake.kept().owner = Some("the other one".to_owned());
    let (reporter, mut watch) = Reporter::new(run.shard.clone());
    let (writers, source) = (fake.clone(), run.clone());
    let running = tokio::spawn(async move {
        let decoder = || Decoder::new(&source.source, &[numbered()]);
        let connect = || async { Ok(writers.connect()) };
        let end = CancellationToken::new();
        run_shard(&source, decoder, connect, None, &reporter, &end).await
    });
    watch.wait_for(Progress::stands_by).await.unwrap();
    fake.kept().owner = None;
    assert_eq!(running.await.unwrap().unwrap(), Ended::Exhausted);
    assert_eq!(fake.kept().rows, events);
    assert_eq!(fake.kept().owner, None, "the shard is given back");
    assert_eq!(watch.borrow().ownership, Ownership::Ended);

    run.once = true;
    fake.kept().owner = Some("the other one".to_owned());
    let error = go(&run, &fake).await.unwrap_err();
    assert_eq!(error.get_code(), Some(Code::ShardTaken));
    assert!(error.report().contains("the other one"), "{}", error.report());
}

#[tokio::test]
async fn an_owner_that_lost_the_shard_reads_on_from_where_it_stands_then() {
    let folder = tempfile::tempdir().unwrap();
    let events = events(200);
    let run = run_of(folder.path(), &events.join("\n"));
    let fake = Fake::default();
    let cycle = [Order::Commit, Order::Lose, Order::Commit, Order::LoseAfter, Order::FailBefore];
    fake.kept().orders = cycle.into_iter().cycle().take(60).collect();
    assert_eq!(go(&run, &fake).await.unwrap(), Ended::Exhausted);
    assert_eq!(fake.kept().rows, events);
}

#[test]
fn stdin_into_a_stream_without_a_key_is_refused() {
    let mut stream = numbered();
    let source: Source = source_of(&stream, Origin::Stdin, Format::Json);
    assert!(source::check(&source, &stream).is_ok());
    stream.key.clear();
    assert!(source::check(&source, &stream).is_err());
}

/// The batcher of a source that has nothing more ends while the first batch is asked for: each of
/// these runs ends the one way or the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_without_more_events_ends_however_it_meets_the_one_who_asks() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_of(folder.path(), "");
    let fake = Fake::default();
    for round in 0..10_000 {
        let ended = tokio::time::timeout(Duration::from_secs(20), go(&run, &fake)).await;
        assert_eq!(
            ended.unwrap_or_else(|_| panic!("round {round} hangs")).unwrap(),
            Ended::Exhausted
        );
    }
}
