//! `howdah run` with nothing but requests, and the keys for them.

use std::net::SocketAddr;

use howdah_testkit::{Cluster, Cuts, wait_until};
use nix::sys::signal::Signal;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::rig::{PATIENCE, Rig, Running, number};

const MIGRATION: &str = "create table ticks (id bigint not null, at timestamptz not null);\n";

fn write(rig: &Rig, name: &str) {
    rig.write("migrations/0001_ticks.sql", MIGRATION);
    let system = format!(
        "[system]\nname = \"{name}\"\n[database]\nurl = \"env:HOWDAH_TEST_DATABASE\"\n\
         [http]\nlisten = \"127.0.0.1:0\"\n\
         [streams.ticks]\ntime = \"at\"\n[sources.ticks]\nhttp = true\ninto = \"ticks\"\n\
         [rollups.days]\nfrom = \"ticks\"\nevery = \"1 day\"\nticks = \"count(*)\"\n"
    );
    rig.write("howdah.toml", system);
}

/// Where a run listens, once it does.
async fn address(running: &Running) -> SocketAddr {
    let log = running.log();
    wait_until("it listens", PATIENCE, || async { log.address().is_some() }).await;
    log.address().unwrap()
}

/// Sends one event; the status, `None` when there was no whole answer.
async fn post(address: SocketAddr, secret: &str, name: &str) -> Option<u16> {
    let body = "{\"id\":1,\"at\":\"2026-11-20T00:00:00Z\"}";
    let request = format!(
        "POST /v1/streams/ticks HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {secret}\r\n\
         idempotency-key: {name}\r\ncontent-type: application/json\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.ok()?;
    reply.split(' ').nth(1)?.parse().ok()
}

async fn key(rig: &Rig) -> String {
    let made = rig.fine(&["keys", "create", "--name", "test", "--scope", "write:ticks"]).await;
    assert!(made.stderr.contains("its secret"), "{}", made.stderr);
    made.stdout.trim().to_owned()
}

#[tokio::test]
async fn keys_are_made_listed_and_revoked() {
    let database = Cluster::shared().await.database().await;
    let rig = Rig::new(&database);
    write(&rig, database.name());
    rig.fine(&["apply"]).await;
    let secret = key(&rig).await;
    assert!(secret.starts_with("hwd_") && secret.len() == 68, "{secret}");
    let listed = rig.fine(&["keys", "list", "--format", "json"]).await.stdout;
    assert!(!listed.contains(&secret));
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["keys"][0]["shown"], secret[..12]);
    assert_eq!(listed["keys"][0]["valid"], true);
    for (args, expected) in [
        (&["keys", "create", "--scope", "write:nothing"][..], "HD0603"),
        (&["keys", "create", "--scope", "read:ticks"], "not a scope"),
        (&["keys", "create", "--scope", "write:ticks", "--tenant", "a"], "no tenants"),
        (&["keys", "revoke", "hwd_00000000"], "no one key"),
    ] {
        let ended = rig.howdah(args).await;
        assert_eq!(ended.code, Some(2), "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(expected), "{args:?}: {}", ended.stderr);
    }
    let mut running = rig.start(&["run"]);
    let at = address(&running).await;
    assert_eq!(post(at, &secret, "a").await, Some(200));
    rig.fine(&["keys", "revoke", &secret[..12]]).await;
    wait_until("the key is out", PATIENCE, || async { post(at, &secret, "a").await == Some(401) })
        .await;
    running.signal(Signal::SIGTERM);
    assert_eq!(running.wait().await, Some(0), "{}", running.said());
    assert!(!running.said().contains(&secret[12..]), "a secret in the log");
    let list = rig.fine(&["keys", "list"]).await.stdout;
    assert!(list.contains("revoked"), "{list}");
}

/// Each client repeats its request until it is answered, whatever is killed meanwhile.
#[tokio::test]
async fn killed_and_drained_servers_lose_and_double_nothing() {
    let database = Cluster::shared().await.database().await;
    let rig = Rig::new(&database);
    write(&rig, database.name());
    rig.fine(&["apply"]).await;
    let secret = key(&rig).await;
    let connection = rig.connect().await;
    let mut dice = Cuts::new(81);
    let mut expected = 0;
    for round in 0..8 {
        let mut running = rig.start(&["run"]);
        let at = address(&running).await;
        let clients: Vec<_> = (0..12)
            .map(|client| {
                let secret = secret.clone();
                tokio::spawn(async move {
                    let mut unanswered = Vec::new();
                    let mut stored = 0;
                    for turn in 0..200 {
                        let name = format!("{round}-{client}-{turn}");
                        match post(at, &secret, &name).await {
                            Some(200) => stored += 1,
                            Some(503) | None => {
                                unanswered.push(name);
                                break;
                            }
                            Some(status) => panic!("status {status}"),
                        }
                    }
                    (stored, unanswered)
                })
            })
            .collect();
        let wait = dice
            .after(std::time::Duration::from_millis(100), std::time::Duration::from_millis(600));
        tokio::time::sleep(wait).await;
        if round % 2 == 0 {
            running.kill9().await;
        } else {
            running.signal(Signal::SIGTERM);
            assert_eq!(running.wait().await, Some(0), "{}", running.said());
        }
        let mut again = Vec::new();
        for client in clients {
            let (stored, unanswered) = client.await.unwrap();
            expected += stored;
            again.extend(unanswered);
        }
        // Whoever had no answer asks again, and is stored once all the same.
        let mut running = rig.start(&["run"]);
        let at = address(&running).await;
        for name in again {
            assert_eq!(post(at, &secret, &name).await, Some(200));
            expected += 1;
        }
        running.signal(Signal::SIGTERM);
        assert_eq!(running.wait().await, Some(0), "{}", running.said());
        assert_eq!(number(&connection, "select count(*) from ticks").await, expected);
    }
    assert_eq!(number(&connection, "select sum(ticks)::bigint from days_1d").await, expected);
    rig.fine(&["verify"]).await;
}

#[tokio::test]
async fn a_port_that_is_taken_and_a_run_to_the_end_of_what_is_there() {
    let database = Cluster::shared().await.database().await;
    let rig = Rig::new(&database);
    write(&rig, database.name());
    rig.fine(&["apply"]).await;
    // Requests have no end, so a single run does not wait for them.
    rig.fine(&["run", "--once"]).await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().to_string();
    let text = std::fs::read_to_string(rig.path("howdah.toml")).unwrap();
    rig.write("howdah.toml", text.replace("127.0.0.1:0", &port));
    let ended = rig.howdah(&["run"]).await;
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("HD0520"), "{}", ended.stderr);
}
