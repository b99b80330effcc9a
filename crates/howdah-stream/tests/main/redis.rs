//! Redis Streams: order, bytes, trimming, a server that goes away, wrong keys.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use howdah_error::Code;
use howdah_stream::{
    Access, Body, Decoder, Ended, Lag, Mark, Opening, Pace, Position, Reader, Reporter, Run,
    ShardId, run_shard, source,
};
use howdah_system::{ColumnType, Format, IngestLimits, Source, Stream};
use howdah_testkit::{Persistence, RedisServer};
use redis::aio::MultiplexedConnection;
use tokio_util::sync::CancellationToken;

use crate::fake::Fake;
use crate::model::{column, redis, source as source_of, stream};
use crate::run::{claim, events};

pub fn numbered() -> Stream {
    stream(vec![column("n", "bigint", ColumnType::Int8)])
}

pub fn feed(key: &str) -> Source {
    source_of(&numbered(), redis(key), Format::Json)
}

pub async fn connect(server: &RedisServer) -> MultiplexedConnection {
    let client = redis::Client::open(server.url()).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

pub async fn add(connection: &mut MultiplexedConnection, key: &str, events: &[String]) {
    for chunk in events.chunks(500) {
        let mut pipe = redis::pipe();
        for event in chunk {
            pipe.cmd("XADD").arg(key).arg("*").arg("event").arg(event).ignore();
        }
        pipe.query_async::<()>(connection).await.unwrap();
    }
}

pub fn shard(key: &str) -> ShardId {
    source::shards_of(&feed(key)).remove(0)
}

/// Opens stream `s` once behind a position.
async fn open_behind(access: &Access, from: Option<&Position>) -> howdah_error::Result<Reader> {
    let (source, shard, mark) = (feed("s"), shard("s"), Mark::default());
    let (reporter, _) = Reporter::new(shard.clone());
    Reader::open(&Opening {
        source: &source,
        access,
        shard: &shard,
        position: from,
        mark: &mark,
        once: true,
        keyed: true,
        chunk_bytes: 1 << 20,
        reporter: &reporter,
    })
    .await
}

fn access(server: &RedisServer) -> Access {
    Access { url: Some(server.url()), ..Access::default() }
}

pub fn run_of(server: &RedisServer, key: &str, once: bool) -> Run {
    Run {
        source: feed(key),
        shard: shard(key),
        claim: claim(),
        keyed: true,
        chunk_bytes: 1 << 20,
        access: access(server),
        pace: Pace::default(),
        limits: IngestLimits { batch_rows: 700, ..IngestLimits::default() },
        once,
        retry: howdah_pg::RetryPolicy::default(),
    }
}

pub async fn go(run: &Run, fake: &Fake) -> howdah_error::Result<Ended> {
    let decoder = || Decoder::new(&run.source, &[numbered()]);
    let (reporter, _) = Reporter::new(run.shard.clone());
    let connect = || async { Ok(fake.connect()) };
    run_shard(run, decoder, connect, None, &reporter, &CancellationToken::new()).await
}

#[tokio::test]
async fn a_stream_is_read_once_and_in_order() {
    let server = RedisServer::start(Persistence::None).await.unwrap();
    let mut connection = connect(&server).await;
    let fake = Fake::default();
    let run = run_of(&server, "s", true);
    assert_eq!(go(&run, &fake).await.unwrap(), Ended::Exhausted);
    assert!(fake.kept().batches.is_empty(), "no stream, no events");
    let events = events(5_000);
    for part in events.chunks(2_500) {
        add(&mut connection, "s", part).await;
        assert_eq!(go(&run, &fake).await.unwrap(), Ended::Exhausted);
    }
    assert_eq!(fake.kept().rows, events);
    let position = fake.kept().position.clone();
    let lag = |position: Option<Position>, events| {
        let (source, access) = (run.source.clone(), run.access.clone());
        async move {
            source::lag(&source, &access, &shard("s"), position.as_ref(), events).await.unwrap()
        }
    };
    assert_eq!(lag(position.clone(), 5_000).await, Some(Lag::Entries(0)));
    assert_eq!(lag(None, 0).await, Some(Lag::Entries(5_000)));
    add(&mut connection, "s", &events[..10]).await;
    assert_eq!(lag(position, 5_000).await, Some(Lag::Entries(10)));
}

#[tokio::test]
async fn entries_keep_every_byte() {
    let server = RedisServer::start(Persistence::None).await.unwrap();
    let mut connection = connect(&server).await;
    let bytes: Vec<u8> = (0..=255).collect();
    redis::cmd("XADD")
        .arg("s")
        .arg("1-1")
        .arg(&bytes)
        .arg(&bytes)
        .query_async::<String>(&mut connection)
        .await
        .unwrap();
    let mut reader = open_behind(&access(&server), None).await.unwrap();
    let chunk = reader.next_chunk().await.unwrap().unwrap();
    assert_eq!(chunk[0].position, Position("1-1".into()));
    let expected: bytes::Bytes = bytes.into();
    assert_eq!(chunk[0].body, Body::Entry(vec![(expected.clone(), expected)]));
    assert!(reader.next_chunk().await.unwrap().is_none());
}

#[tokio::test]
async fn a_server_that_dies_and_comes_back_loses_nothing() {
    let mut server = RedisServer::start(Persistence::AofAlways).await.unwrap();
    let events = events(6_000);
    add(&mut connect(&server).await, "s", &events[..2_000]).await;
    let fake = Fake::default();
    let run = run_of(&server, "s", false);
    let (reporter, mut progress) = Reporter::new(run.shard.clone());
    let shutdown = CancellationToken::new();
    let (token, writers) = (shutdown.clone(), fake.clone());
    let running = tokio::spawn(async move {
        let decoder = || Decoder::new(&run.source, &[numbered()]);
        let connect = || async { Ok(writers.connect()) };
        run_shard(&run, decoder, connect, None, &reporter, &token).await
    });
    for part in [&events[2_000..4_000], &events[4_000..]] {
        progress.wait_for(|progress| progress.events > 0).await.unwrap();
        server.kill9().await;
        server.restart().await.unwrap();
        add(&mut connect(&server).await, "s", part).await;
    }
    progress.wait_for(|progress| progress.events == 6_000).await.unwrap();
    shutdown.cancel();
    assert_eq!(running.await.unwrap().unwrap(), Ended::Stopped);
    assert_eq!(fake.kept().rows, events);
}

#[tokio::test]
async fn a_trimmed_stream_is_read_on() {
    let server = RedisServer::start(Persistence::None).await.unwrap();
    let mut connection = connect(&server).await;
    let events = events(100);
    add(&mut connection, "s", &events[..50]).await;
    let fake = Fake::default();
    let run = run_of(&server, "s", true);
    go(&run, &fake).await.unwrap();
    add(&mut connection, "s", &events[50..]).await;
    redis::cmd("XTRIM")
        .arg("s")
        .arg("MAXLEN")
        .arg(20)
        .query_async::<u64>(&mut connection)
        .await
        .unwrap();
    go(&run, &fake).await.unwrap();
    assert_eq!(fake.kept().rows[50..], events[80..]);
}

#[tokio::test]
async fn what_cannot_be_read_is_one_clear_error() {
    let server = RedisServer::start(Persistence::None).await.unwrap();
    let mut connection = connect(&server).await;
    redis::cmd("SET").arg("s").arg("x").query_async::<()>(&mut connection).await.unwrap();
    let open = async |url: String, from: Option<Position>| {
        let access = Access { url: Some(url), ..Access::default() };
        open_behind(&access, from.as_ref()).await.unwrap_err()
    };
    let error = open(server.url(), None).await;
    assert_eq!(error.get_code(), Some(Code::SourceFailed));
    assert!(error.report().contains("another type"), "{}", error.report());
    let error = open("redis://a:secret@[x".into(), None).await;
    assert!(!error.report().contains("secret"), "{}", error.report());
    let error = open(server.url(), Some(Position("12:1:ab".into()))).await;
    assert!(error.report().contains("not an entry id"), "{}", error.report());
    redis::cmd("CONFIG")
        .arg("SET")
        .arg("requirepass")
        .arg("pw")
        .query_async::<()>(&mut connection)
        .await
        .unwrap();
    let error = open(server.url(), None).await;
    assert!(error.report().contains("password"), "{}", error.report());
    let wrong = server.url().replace("redis://", "redis://:nope@");
    let error = open(wrong, None).await;
    assert!(error.report().contains("password"), "{}", error.report());
    assert!(!error.report().contains("nope"), "{}", error.report());
}

#[tokio::test]
async fn large_and_small_entries_come_in_bounded_chunks() {
    let server = RedisServer::start(Persistence::None).await.unwrap();
    let mut connection = connect(&server).await;
    let large: Vec<String> = (0..120).map(|_| "x".repeat(100_000)).collect();
    add(&mut connection, "s", &large).await;
    let mut reader = open_behind(&access(&server), None).await.unwrap();
    let first = reader.next_chunk().await.unwrap().unwrap();
    let second = reader.next_chunk().await.unwrap().unwrap();
    assert_eq!(first.len(), 100);
    assert!(second.len() <= 11, "{} entries of 100 kB in one chunk", second.len());
}
