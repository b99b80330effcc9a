//! What Redis loses before it is read: counted, kept with the next batch, and nothing new skipped.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use howdah_error::Code;
use howdah_stream::{Decoder, Ended, Reporter, Run, run_shard};
use howdah_testkit::{Persistence, RedisServer};
use redis::aio::MultiplexedConnection;
use tokio_util::sync::CancellationToken;

use crate::fake::Fake;
use crate::redis::{add, connect, go, numbered, run_of};
use crate::run::events;

/// A server, a connection to it, and a run of stream `s` to its end.
async fn stage() -> (RedisServer, MultiplexedConnection, Run, Fake) {
    let server = RedisServer::start(Persistence::None).await.unwrap();
    let connection = connect(&server).await;
    let run = run_of(&server, "s", true);
    (server, connection, run, Fake::default())
}

/// What was lost: kind, how many, whether that is exact.
fn lost(fake: &Fake) -> Vec<(&'static str, u64, bool)> {
    let losses = &fake.kept().mark.losses;
    losses.iter().map(|loss| (loss.kind, loss.entries, loss.exact)).collect()
}

async fn run(connection: &mut MultiplexedConnection, command: &[&str]) -> redis::Value {
    redis::cmd(command[0]).arg(&command[1..]).query_async(connection).await.unwrap()
}

/// The ids of the entries, in order.
async fn ids(connection: &mut MultiplexedConnection) -> Vec<String> {
    let reply: redis::streams::StreamRangeReply =
        redis::cmd("XRANGE").arg(&["s", "-", "+"]).query_async(connection).await.unwrap();
    reply.ids.into_iter().map(|entry| entry.id).collect()
}

#[tokio::test]
async fn trimmed_entries_are_counted_exactly_and_once() {
    let (_server, mut connection, job, fake) = stage().await;
    let events = events(200);
    add(&mut connection, "s", &events[..50]).await;
    go(&job, &fake).await.unwrap();
    assert_eq!(fake.kept().mark.ordinal, Some(50));
    // What was committed may go.
    run(&mut connection, &["XTRIM", "s", "MAXLEN", "0"]).await;
    go(&job, &fake).await.unwrap();
    add(&mut connection, "s", &events[50..100]).await;
    run(&mut connection, &["XTRIM", "s", "MAXLEN", "20"]).await;
    go(&job, &fake).await.unwrap();
    assert_eq!(lost(&fake), [("removed", 30, true)]);
    assert_eq!(fake.kept().rows[50..], events[80..100]);
    assert_eq!(fake.kept().mark.ordinal, Some(100));
    // All of them, and then more come.
    add(&mut connection, "s", &events[100..110]).await;
    run(&mut connection, &["XTRIM", "s", "MAXLEN", "0"]).await;
    go(&job, &fake).await.unwrap();
    assert_eq!(lost(&fake).len(), 1, "kept with the next batch, and there was none");
    add(&mut connection, "s", &events[110..]).await;
    go(&job, &fake).await.unwrap();
    assert_eq!(lost(&fake), [("removed", 30, true), ("removed", 10, true)]);
    assert_eq!(fake.kept().mark.ordinal, Some(200));
    go(&job, &fake).await.unwrap();
    assert_eq!(lost(&fake).len(), 2);
}

#[tokio::test]
async fn deleted_entries_show_when_everything_else_is_read() {
    let (_server, mut connection, job, fake) = stage().await;
    let events = events(100);
    add(&mut connection, "s", &events[..50]).await;
    go(&job, &fake).await.unwrap();
    add(&mut connection, "s", &events[50..90]).await;
    let ids = ids(&mut connection).await;
    for id in [&ids[10], &ids[60], &ids[61], &ids[89]] {
        run(&mut connection, &["XDEL", "s", id]).await;
    }
    go(&job, &fake).await.unwrap();
    // The first one deleted had been read.
    assert_eq!(lost(&fake), [("removed", 3, true)]);
    assert_eq!(fake.kept().mark.ordinal, Some(90));
    add(&mut connection, "s", &events[90..]).await;
    go(&job, &fake).await.unwrap();
    assert_eq!(lost(&fake).len(), 1);
    assert_eq!(fake.kept().mark.ordinal, Some(100));
}

#[tokio::test]
async fn a_stream_that_was_trimmed_before_anybody_read_it_has_lost_nothing() {
    let (_server, mut connection, job, fake) = stage().await;
    add(&mut connection, "s", &events(100)).await;
    run(&mut connection, &["XTRIM", "s", "MAXLEN", "10"]).await;
    go(&job, &fake).await.unwrap();
    assert!(lost(&fake).is_empty());
    assert_eq!(fake.kept().mark.ordinal, Some(100));
}

#[tokio::test]
async fn a_server_that_comes_back_empty_is_noticed_and_read_on() {
    let mut server = RedisServer::start(Persistence::None).await.unwrap();
    let events = events(300);
    add(&mut connect(&server).await, "s", &events[..100]).await;
    let job = run_of(&server, "s", true);
    let fake = Fake::default();
    go(&job, &fake).await.unwrap();
    for (round, part) in [&events[100..200], &events[200..]].into_iter().enumerate() {
        server.kill9().await;
        server.restart().await.unwrap();
        if round == 0 {
            // Once it is looked at while it is empty, once only when it has entries again.
            go(&job, &fake).await.unwrap();
        }
        add(&mut connect(&server).await, "s", part).await;
        go(&job, &fake).await.unwrap();
    }
    assert_eq!(fake.kept().rows, events);
    assert!(lost(&fake).iter().all(|(kind, _, exact)| *kind == "reset" && !exact));
    assert!(!lost(&fake).is_empty());
}

#[tokio::test]
async fn a_server_that_loses_what_it_had_counted_is_held_to_it() {
    let mut server = RedisServer::start(Persistence::None).await.unwrap();
    let events = events(6_000);
    let mut connection = connect(&server).await;
    add(&mut connection, "s", &events[..10]).await;
    let fake = Fake::default();
    let job = run_of(&server, "s", false);
    let (reporter, mut progress) = Reporter::new(job.shard.clone());
    let shutdown = CancellationToken::new();
    let (token, writers) = (shutdown.clone(), fake.clone());
    let running = tokio::spawn(async move {
        let decoder = || Decoder::new(&job.source, &[numbered()]);
        let connect = || async { Ok(writers.connect()) };
        run_shard(&job, decoder, connect, None, &reporter, &token).await
    });
    progress.wait_for(|progress| progress.events == 10).await.unwrap();
    server.kill9().await;
    server.restart().await.unwrap();
    add(&mut connect(&server).await, "s", &events[10..20]).await;
    progress.wait_for(|progress| progress.events == 20).await.unwrap();
    shutdown.cancel();
    assert_eq!(running.await.unwrap().unwrap(), Ended::Stopped);
    assert_eq!(fake.kept().rows, events[..20]);
    assert_eq!(lost(&fake).len(), 1, "{:?}", lost(&fake));
}

#[tokio::test]
async fn a_restart_that_keeps_everything_loses_nothing() {
    let mut server = RedisServer::start(Persistence::AofAlways).await.unwrap();
    let events = events(300);
    let job = run_of(&server, "s", true);
    let fake = Fake::default();
    for part in events.chunks(100) {
        add(&mut connect(&server).await, "s", part).await;
        go(&job, &fake).await.unwrap();
        server.kill9().await;
        server.restart().await.unwrap();
    }
    assert_eq!(fake.kept().rows, events);
    assert!(lost(&fake).is_empty(), "{:?}", lost(&fake));
}

/// What a replica that had not received the last entries looks like after its promotion: the same
/// beginning, then new entries, with ids below the committed one.
async fn fail_over(connection: &mut MultiplexedConnection, events: &[String], kept: usize) {
    let ids = ids(connection).await;
    run(connection, &["DEL", "s"]).await;
    for (id, event) in ids.iter().zip(events).take(kept) {
        run(connection, &["XADD", "s", id, "event", event]).await;
    }
    let (ms, _) = ids[kept].split_once('-').unwrap();
    for (number, event) in events[ids.len()..].iter().enumerate() {
        let id = format!("{ms}-{}", 1_000_000 + number);
        run(connection, &["XADD", "s", &id, "event", event]).await;
    }
}

#[tokio::test]
async fn entries_with_smaller_ids_after_a_failover_are_read_where_a_key_tells_them() {
    let (_server, mut connection, job, fake) = stage().await;
    let events = events(60);
    for event in &events[..50] {
        add(&mut connection, "s", std::slice::from_ref(event)).await;
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    go(&job, &fake).await.unwrap();
    fail_over(&mut connection, &events, 40).await;
    go(&job, &fake).await.unwrap();
    // The 40 are read a second time, and the writer's key would pass over them.
    assert_eq!(fake.kept().rows[50..90], events[..40]);
    assert_eq!(fake.kept().rows[90..], events[50..]);
    assert_eq!(lost(&fake).len(), 1);
    assert_eq!(lost(&fake)[0].0, "reset");
    let again = fake.kept().rows.len();
    go(&job, &fake).await.unwrap();
    assert_eq!(fake.kept().rows.len(), again, "once only");
}

#[tokio::test]
async fn without_a_key_a_failover_that_leaves_entries_below_stops_the_shard() {
    let (_server, mut connection, mut job, fake) = stage().await;
    job.keyed = false;
    let events = events(60);
    for event in &events[..50] {
        add(&mut connection, "s", std::slice::from_ref(event)).await;
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    go(&job, &fake).await.unwrap();
    fail_over(&mut connection, &events, 40).await;
    let error = go(&job, &fake).await.unwrap_err();
    assert_eq!(error.get_code(), Some(Code::SourceReset), "{}", error.report());
    assert_eq!(fake.kept().rows.len(), 50);
    // One that is empty has nothing to confuse.
    run(&mut connection, &["DEL", "s"]).await;
    go(&job, &fake).await.unwrap();
    add(&mut connection, "s", &events[50..]).await;
    go(&job, &fake).await.unwrap();
    assert_eq!(fake.kept().rows, events);
}
