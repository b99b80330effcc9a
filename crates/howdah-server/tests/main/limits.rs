//! Slow clients, full queues, too many connections, a database that is away.

use std::time::Duration;

use howdah_testkit::wait_until;

use crate::client::{Client, PATIENCE, Reply};
use crate::site::{Sender, Site, TICK};
use crate::stored::lines;

/// The status and the seconds after which another attempt is worth it.
fn later(reply: &Reply) -> (u16, bool) {
    let seconds = reply.header("retry-after").and_then(|text| text.parse::<u64>().ok());
    (reply.status, seconds.is_some_and(|seconds| seconds > 0))
}

#[tokio::test]
async fn slow_clients_are_408_and_idle_ones_are_closed() {
    let site = Site::start_with("header_timeout = \"300 ms\"\nbody_timeout = \"600 ms\"").await;
    let sender = site.key_of_a().await;
    let request = sender.request("ticks", &[], TICK.as_bytes());
    let mut head = Client::connect(site.address).await;
    head.write(&request[..30]).await;
    assert_eq!(head.read().await.unwrap().status, 408);
    assert!(head.read().await.is_none());

    let mut body = Client::connect(site.address).await;
    body.write(&request[..request.len() - 5]).await;
    let reply = body.read().await.unwrap();
    assert_eq!((reply.status, reply.code().as_str()), (408, "body_too_slow"));

    // One byte at a time keeps neither the head nor the body open.
    let mut trickle = Client::connect(site.address).await;
    for byte in request[..20].chunks(1) {
        trickle.write(byte).await;
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    assert!(trickle.read().await.is_none_or(|reply| reply.status == 408));
    let mut trickle = Client::connect(site.address).await;
    let (early, late) = request.split_at(request.len() - 20);
    trickle.write(early).await;
    for byte in late.chunks(1) {
        trickle.write(byte).await;
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    assert_eq!(trickle.read().await.unwrap().status, 408);

    let mut idle = Client::connect(site.address).await;
    assert!(idle.read().await.is_none(), "one that asks nothing is closed without a word");
    let mut idle = Client::connect(site.address).await;
    idle.write(&request).await;
    assert_eq!(idle.read().await.unwrap().status, 200);
    assert!(idle.read().await.is_none(), "and so is one that has had its answer");
    site.assert_well().await;
}

/// Sends a request of which the transaction waits for a lock, and waits until it does.
async fn stuck(site: &Site, sender: &Sender, body: &str) -> tokio::task::JoinHandle<Reply> {
    let lock = "begin; lock table days_1d in access exclusive mode";
    site.client.batch_execute(lock).await.unwrap();
    let (sender, body) = (sender.clone(), body.to_owned());
    let first = tokio::spawn(async move { sender.post("events", &[], body).await });
    let waits = "select count(*) from pg_stat_activity \
                 where datname = current_database() and wait_event_type = 'Lock'";
    let other = site.db.connect().await;
    wait_until("the transaction waits", PATIENCE, || async {
        other.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) > 0
    })
    .await;
    first
}

#[tokio::test]
async fn a_full_queue_is_429() {
    for limits in ["queue_requests = 1", "queue_bytes = \"2 kB\"\nbody_bytes = \"2 kB\""] {
        let site = Site::start_with(&format!("wait = \"60 s\"\n{limits}")).await;
        let sender = site.key_of_a().await;
        let body = lines(0, 20);
        assert!(body.len() > 1_000 && body.len() < 2_000);
        let first = stuck(&site, &sender, &body).await;
        let second = sender.post("events", &[], &body).await;
        assert_eq!(later(&second), (429, true), "{limits}: {second:?}");
        assert_eq!(second.code(), "queue_full");
        site.client.batch_execute("rollback").await.unwrap();
        assert_eq!(first.await.unwrap().status, 200);
        assert_eq!(sender.post("events", &[], lines(20, 30)).await.status, 200);
        assert_eq!(site.number("select count(*) from events").await, 30);
        site.assert_well().await;
    }
}

#[tokio::test]
async fn connections_beyond_the_bound_are_turned_away() {
    let site = Site::start_with("connections = 3").await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut client = Client::connect(site.address).await;
        client.write("GET /livez HTTP/1.1\r\n\r\n").await;
        assert_eq!(client.read().await.unwrap().status, 200);
        open.push(client);
    }
    let mut fourth = Client::connect(site.address).await;
    assert_eq!(later(&fourth.read().await.unwrap()), (503, true));
    assert!(fourth.read().await.is_none());
    drop(open);
    wait_until("there is room again", PATIENCE, || async {
        let mut client = Client::connect(site.address).await;
        client.write("GET /livez HTTP/1.1\r\n\r\n").await;
        client.read().await.is_some_and(|reply| reply.status == 200)
    })
    .await;
    site.assert_well().await;
}

#[tokio::test]
async fn a_database_that_is_away_is_503_and_nothing_is_lost_or_doubled() {
    let (site, proxy) = Site::start_behind("wait = \"1 s\"").await;
    let sender = site.key_of_a().await;
    assert_eq!(sender.post("ticks", &[], TICK).await.status, 200);
    proxy.refuse(true);
    proxy.cut();
    for _ in 0..2 {
        let reply = sender.post("ticks", &[], TICK).await;
        assert_eq!(later(&reply), (503, true), "{reply:?}");
        assert_eq!(reply.code(), "database_away");
    }
    assert_eq!(site.get("/livez").await.status, 200);
    let ready = site.get("/readyz").await;
    assert_eq!((ready.status, &ready.json()["database"]), (503, &false.into()));
    proxy.refuse(false);
    wait_until("the database is back", PATIENCE, || async {
        site.get("/readyz").await.status == 200
            && sender.post("events", &[], lines(0, 1)).await.status == 200
    })
    .await;
    let before = site.number("select count(*) from ticks").await;

    // The commit is done and its reply does not come: only the repetition tells.
    let named = [("idempotency-key", "n")];
    assert_eq!(sender.post("ticks", &[], TICK).await.status, 200);
    proxy.hold_commits();
    let reply = sender.post("ticks", &named, TICK).await;
    assert_eq!(later(&reply), (503, true), "{reply:?}");
    assert_eq!(reply.json()["stored"], "unknown");
    proxy.cut();
    proxy.hold_replies(false);
    wait_until("the repetition is answered", PATIENCE, || async {
        sender.post("ticks", &named, TICK).await.status == 200
    })
    .await;
    assert_eq!(site.number("select count(*) from ticks").await, before + 2);
    site.assert_well().await;
}

#[tokio::test]
async fn a_changed_system_ends_the_server() {
    let site = Site::start().await;
    let sender = site.key_of_a().await;
    assert_eq!(sender.post("ticks", &[], TICK).await.status, 200);
    let change = "update howdah.generation set generation = generation + 1";
    site.client.batch_execute(change).await.unwrap();
    let ready = site.get("/readyz").await;
    assert!(ready.status == 200 || ready.json()["applied"] == false, "{ready:?}");
    let reply = sender.post("ticks", &[], TICK).await;
    assert_eq!(later(&reply), (503, true), "{reply:?}");
    assert_eq!(site.number("select count(*) from ticks").await, 1);
    let error = site.stop().await.unwrap_err();
    assert_eq!(error.get_code(), Some(howdah_error::Code::NotApplied));
}
