//! A consumer group shows what is committed, whatever others did with it, and disturbs nobody.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use howdah_stream::Run;
use howdah_system::{Origin, RedisGroup};
use howdah_testkit::{Persistence, RedisServer};
use redis::aio::MultiplexedConnection;
use redis::streams::{StreamInfoConsumersReply, StreamInfoGroupsReply, StreamPendingReply};

use crate::fake::Fake;
use crate::redis::{add, connect, go, run_of};
use crate::run::events;

const GROUP: &str = "postgres-sync";

fn grouped(server: &RedisServer, consumer: Option<&str>) -> Run {
    let mut run = run_of(server, "s", true);
    if let Origin::Redis { group, .. } = &mut run.source.origin {
        let (name, consumer) = (GROUP.to_owned(), consumer.map(str::to_owned));
        *group = Some(RedisGroup { name, consumer });
    }
    run
}

/// Lag, entries pending and last delivered id of a group.
async fn state(connection: &mut MultiplexedConnection, group: &str) -> (usize, usize, String) {
    let groups: StreamInfoGroupsReply =
        redis::cmd("XINFO").arg(&["GROUPS", "s"]).query_async(connection).await.unwrap();
    let group = groups.groups.into_iter().find(|known| known.name == group).unwrap();
    (group.lag.unwrap(), group.pending, group.last_delivered_id)
}

async fn read_as(connection: &mut MultiplexedConnection, group: &str, many: usize) {
    let mut read = redis::cmd("XREADGROUP");
    read.arg(&["GROUP", group, "somebody", "COUNT"]).arg(many).arg(&["STREAMS", "s", ">"]);
    read.query_async::<redis::Value>(connection).await.unwrap();
}

#[tokio::test]
async fn the_group_has_no_lag_when_everything_is_committed() {
    let server = RedisServer::start(Persistence::None).await.unwrap();
    let mut connection = connect(&server).await;
    let (run, fake, events) = (grouped(&server, Some("pod-7")), Fake::default(), events(2_000));
    go(&run, &fake).await.unwrap();
    for part in events.chunks(1_000) {
        add(&mut connection, "s", part).await;
        go(&run, &fake).await.unwrap();
        let (lag, pending, last) = state(&mut connection, GROUP).await;
        assert_eq!((lag, pending), (0, 0));
        assert_eq!(Some(last), fake.kept().position.clone().map(|position| position.0));
        add(&mut connection, "s", &events[..7]).await;
        assert_eq!(state(&mut connection, GROUP).await.0, 7, "what is not committed is behind");
        go(&run, &fake).await.unwrap();
    }
    let consumers: StreamInfoConsumersReply = redis::cmd("XINFO")
        .arg(&["CONSUMERS", "s", GROUP])
        .query_async(&mut connection)
        .await
        .unwrap();
    assert_eq!(consumers.consumers[0].name, "pod-7");
}

#[tokio::test]
async fn what_others_left_pending_is_acknowledged_and_other_groups_are_left_alone() {
    let server = RedisServer::start(Persistence::None).await.unwrap();
    let mut connection = connect(&server).await;
    let events = events(3_000);
    for group in [GROUP, "others"] {
        let mut create = redis::cmd("XGROUP");
        create.arg(&["CREATE", "s", group, "0", "MKSTREAM"]);
        create.query_async::<()>(&mut connection).await.unwrap();
    }
    add(&mut connection, "s", &events).await;
    read_as(&mut connection, GROUP, 2_500).await;
    read_as(&mut connection, "others", 10).await;
    let first: StreamPendingReply =
        redis::cmd("XPENDING").arg(&["s", GROUP]).query_async(&mut connection).await.unwrap();
    let StreamPendingReply::Data(first) = first else { panic!("nothing is pending") };
    redis::cmd("XDEL")
        .arg("s")
        .arg(&first.start_id)
        .query_async::<u64>(&mut connection)
        .await
        .unwrap();
    let (run, fake) = (grouped(&server, None), Fake::default());
    go(&run, &fake).await.unwrap();
    assert_eq!(fake.kept().rows, events[1..]);
    let (lag, pending, _) = state(&mut connection, GROUP).await;
    assert_eq!((lag, pending), (0, 0));
    let (_, pending, last) = state(&mut connection, "others").await;
    assert_eq!(pending, 10);
    assert!(last < fake.kept().position.clone().unwrap().0);
}

#[tokio::test]
async fn a_group_that_cannot_be_told_holds_up_nothing() {
    let server = RedisServer::start(Persistence::None).await.unwrap();
    let mut connection = connect(&server).await;
    let rules = ["ACL", "SETUSER", "default", "-xgroup", "-xautoclaim", "-info"];
    redis::cmd(rules[0]).arg(&rules[1..]).query_async::<()>(&mut connection).await.unwrap();
    let events = events(100);
    add(&mut connection, "s", &events).await;
    let (run, fake) = (grouped(&server, None), Fake::default());
    go(&run, &fake).await.unwrap();
    assert_eq!(fake.kept().rows, events);
    assert_eq!(fake.kept().mark.incarnation, None);
}
