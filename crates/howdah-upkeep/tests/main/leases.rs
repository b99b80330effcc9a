//! One owner at a time: leases, epochs, and what a former owner cannot do.

use std::time::Duration;

use howdah_error::{Code, Kind};
use howdah_stream::{Grant, Position, Term};

use crate::engine::{Engine, Feed};

const MIGRATION: &str = "create table notes (at timestamptz not null, id bigint not null)";
const SYSTEM: &str = r#"
[system]
name = "{db}"

[streams.notes]
time = "at"
key = ["id"]

[sources.notes]
file = "notes.ndjson"
into = "notes"
"#;
const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(50);

async fn engine() -> Engine {
    Engine::applied(MIGRATION, SYSTEM).await
}

fn note(id: u64) -> String {
    format!("{{\"at\":\"2026-01-01T00:00:00Z\",\"id\":{id}}}")
}

fn held(grant: Grant) -> Term {
    match grant {
        Grant::Held(term) => term,
        Grant::Owned { owner, .. } => panic!("it is {owner}'s"),
    }
}

/// Asks until the shard is had.
async fn take(feed: &mut Feed, owner: &str) -> Term {
    loop {
        match feed.acquire(owner, LONG).await {
            Grant::Held(term) => return term,
            Grant::Owned { .. } => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

async fn events(engine: &Engine) -> Vec<String> {
    engine
        .texts("select concat_ws(' ', position, events, owner, epoch) from howdah.positions")
        .await
}

#[tokio::test]
async fn a_shard_has_one_owner_until_he_gives_it_back() {
    let engine = engine().await;
    let (mut first, mut second) = (engine.feed("notes").await, engine.feed("notes").await);
    assert_eq!(held(first.acquire("a", LONG).await), Term { epoch: 1, ..Term::default() });
    let Grant::Owned { owner, left } = second.acquire("b", LONG).await else {
        panic!("two owners");
    };
    assert!(owner == "a" && left <= LONG && left > LONG / 2, "{owner} {left:?}");
    first.commit(&[note(1), note(2)]).await;
    assert_eq!(events(&engine).await, ["2 2 a 1"]);
    first.release().await;
    let term = held(second.acquire("b", LONG).await);
    assert_eq!((term.epoch, term.position), (2, Some(Position("2".into()))));
    // The former owner has nothing to give back any more, and cannot write.
    first.release().await;
    let error = first.try_commit(&[note(3)]).await.unwrap_err();
    assert_eq!(error.get_code(), Some(Code::ShardTaken));
    assert_eq!(events(&engine).await, ["2 2 b 2"]);
    assert_eq!(engine.texts("select count(*)::text from notes").await, ["2"]);
}

#[tokio::test]
async fn a_lease_ends_with_its_session() {
    let engine = engine().await;
    let (mut first, mut second) = (engine.feed("notes").await, engine.feed("notes").await);
    held(first.acquire("a", LONG).await);
    first.commit(&[note(1)]).await;
    drop(first);
    assert_eq!(take(&mut second, "b").await.position, Some(Position("1".into())));
}

#[tokio::test]
async fn a_lease_that_ran_out_is_taken_and_its_session_ended() {
    let engine = engine().await;
    let (mut first, mut second) = (engine.feed("notes").await, engine.feed("notes").await);
    held(first.acquire("a", SHORT).await);
    assert_eq!(take(&mut second, "b").await.epoch, 2);
    assert_eq!(first.try_commit(&[note(1)]).await.unwrap_err().kind(), Kind::Unavailable);
    second.commit(&[note(1)]).await;
    assert_eq!(events(&engine).await, ["1 1 b 2"]);
}

/// What a server's clock that is set back by an hour makes of the lease of an owner who is stopped,
/// and of one who works.
#[tokio::test]
async fn a_lease_that_a_clock_has_made_long_is_taken_unless_it_is_renewed() {
    let engine = engine().await;
    let (mut first, mut second) = (engine.feed("notes").await, engine.feed("notes").await);
    let lease = Duration::from_secs(2);
    let longer = "update howdah.positions set lease_until = lease_until + interval '1 hour'";
    held(first.acquire("a", lease).await);
    engine.run(longer).await;
    for id in 1..4 {
        assert!(matches!(second.acquire("b", lease).await, Grant::Owned { .. }), "{id}");
        tokio::time::sleep(lease / 2).await;
        first.commit(&[note(id)]).await;
    }
    engine.run(longer).await;
    loop {
        match second.acquire("b", lease).await {
            Grant::Held(term) => break assert_eq!(term.epoch, 2),
            Grant::Owned { .. } => tokio::time::sleep(lease / 10).await,
        }
    }
    assert_eq!(first.try_commit(&[note(4)]).await.unwrap_err().kind(), Kind::Unavailable);
    assert_eq!(events(&engine).await, ["3 3 b 2"]);
}

#[tokio::test]
async fn an_owner_takes_its_own_shard_again_on_a_new_connection() {
    let engine = engine().await;
    let (mut first, mut second) = (engine.feed("notes").await, engine.feed("notes").await);
    held(first.acquire("a", LONG).await);
    assert_eq!(held(second.acquire("a", LONG).await).epoch, 2);
    assert_eq!(first.try_commit(&[note(1)]).await.unwrap_err().kind(), Kind::Unavailable);
}

#[tokio::test]
async fn the_epoch_alone_keeps_a_former_owner_from_writing() {
    let engine = engine().await;
    let mut feed = engine.feed("notes").await;
    for change in [
        "update howdah.positions set epoch = epoch + 1, owner = 'b'",
        "delete from howdah.positions",
    ] {
        engine.run("update howdah.positions set owner = null").await;
        held(feed.acquire("a", LONG).await);
        engine.run(change).await;
        let error = feed.try_commit(&[note(1)]).await.unwrap_err();
        assert_eq!(error.get_code(), Some(Code::ShardTaken), "{change}");
        assert_eq!(engine.texts("select id::text from notes").await, [""; 0], "{change}");
    }
    assert_eq!(events(&engine).await, [""; 0], "a deleted position stays away");
}

#[tokio::test]
async fn without_a_lease_only_a_shard_of_nobody_moves() {
    let engine = engine().await;
    let (mut owner, mut other) = (engine.feed("notes").await, engine.feed("notes").await);
    other.commit(&[note(1)]).await;
    held(owner.acquire("a", LONG).await);
    let error = other.try_commit(&[note(2)]).await.unwrap_err();
    assert_eq!(error.get_code(), Some(Code::ShardTaken));
    assert_eq!(events(&engine).await, ["1 1 a 1"]);
}
