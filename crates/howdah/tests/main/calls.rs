//! The calls system with the binary: money under many clients at once, over HTTP and over a crash.

#[path = "calls/together.rs"]
mod together;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use howdah_testkit::{Cluster, TestDatabase};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::rig::{PATIENCE, Rig, Running, copy_folder};

const BUYER: &str = "b0be4000-0000-4000-8000-000000000001";

/// What the system has beside for requests.
const HTTP: &str = r#"
[http]
listen = "127.0.0.1:PORT"
[sources.requests]
http = true
into = "ledger"
legs = "legs"
[sources.requests.map]
account = "legs[].account_id"
bucket = "legs[].bucket"
amount = "legs[].amount"
"#;

/// Tests look at the heap of the ledger, which the fold of a month as old as theirs would empty.
const NO_UPKEEP: &str = "[upkeep]\nenabled = false\n";

/// The system in a folder, listening on a port that was free a moment ago, with one buyer.
async fn exchange(database: &TestDatabase) -> (Rig, SocketAddr) {
    exchange_with(database, None, "").await
}

/// The same with `sources` beside that of requests, and the Redis of that URL.
async fn exchange_with(
    database: &TestDatabase,
    redis: Option<String>,
    sources: &str,
) -> (Rig, SocketAddr) {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let rig = match redis {
        Some(url) => Rig::new(database).with_redis(url),
        None => Rig::new(database),
    };
    let system = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../systems/calls");
    copy_folder(&rig, &system.join("migrations"), "migrations/");
    let text = std::fs::read_to_string(system.join("howdah.toml")).unwrap();
    // Without the sources of Redis, which is not there; roles belong to the cluster.
    let (before, rest) = text.split_once("# --- Sources").unwrap();
    let rollups = &rest[rest.find("# --- Rollups").unwrap()..];
    let name = format!("name = \"calls_{}\"", database.name());
    let text = format!("{before}{rollups}").replace("name = \"calls\"", &name);
    let port = address.port().to_string();
    let database_section = "[database]\nurl = \"env:HOWDAH_TEST_DATABASE\"\n";
    rig.write(
        "howdah.toml",
        format!("{text}{database_section}{NO_UPKEEP}{}{sources}", HTTP.replace("PORT", &port)),
    );
    rig.fine(&["apply"]).await;
    let account = format!(
        "insert into accounts (id, email, name, type, status) \
         values ('{BUYER}', 'b@x', 'b', 'buyer', 'active')"
    );
    rig.connect().await.batch_execute(&account).await.unwrap();
    (rig, address)
}

/// The hold of 3.00 with this number.
fn hold(number: u32) -> Value {
    let bid = format!("00000000-0000-4000-8000-{number:012}");
    json!({"event_time": "2025-06-12T15:00:41Z",
        "txn_id": format!("10000000-0000-4000-8000-{number:012}"), "kind": "hold",
        "idempotency_key": format!("hold:{bid}"), "hold_id": bid, "buyer_id": BUYER,
        "currency": "USD", "expires_at": "2025-06-12T15:05:41Z",
        "legs": [{"account_id": BUYER, "bucket": "held", "amount": "3.00"},
                 {"account_id": "memo:holds", "bucket": "held", "amount": "-3.00"}]})
}

/// Sends a transaction until there is an answer that says what became of it.
async fn settle(address: SocketAddr, secret: &str, name: &str, event: &Value) -> u16 {
    let body = event.to_string();
    let request = format!(
        "POST /v1/streams/ledger HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {secret}\r\n\
         idempotency-key: {name}\r\ncontent-type: application/json\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let once = async || -> Option<u16> {
        let mut stream = TcpStream::connect(address).await.ok()?;
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.ok()?;
        reply.split(' ').nth(1)?.parse().ok()
    };
    loop {
        match tokio::time::timeout(PATIENCE, once()).await.expect("an answer in time") {
            Some(status @ (200 | 422)) => return status,
            Some(status) => assert!([429, 503].contains(&status), "{status}"),
            None => {}
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// All 500 at once; how many were accepted and refused.
async fn all_holds(address: SocketAddr, secret: &str) -> (usize, usize) {
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..500 {
        let secret = secret.to_owned();
        clients.spawn(async move {
            settle(address, &secret, &format!("hold-{number}"), &hold(number)).await
        });
    }
    let answers = clients.join_all().await;
    let accepted = answers.iter().filter(|status| **status == 200).count();
    (accepted, answers.len() - accepted)
}

/// A howdah that runs, with 250.00 on the buyer's account; and a key that may write the ledger.
async fn opened(rig: &Rig, address: SocketAddr) -> (Running, String) {
    let scopes = "write:ledger,any-tenant";
    let made = rig.fine(&["keys", "create", "--name", "t", "--scope", scopes]).await;
    let secret = made.stdout.trim().to_owned();
    let running = rig.start(&["run"]);
    let deposit = json!({"event_time": "2025-06-12T14:00:00Z", "kind": "deposit",
        "txn_id": "20000000-0000-4000-8000-000000000000", "idempotency_key": "dep:psp-1",
        "currency": "USD", "legs": [
            {"account_id": BUYER, "bucket": "posted", "amount": "250.00"},
            {"account_id": "platform:cash", "bucket": "posted", "amount": "-250.00"}]});
    assert_eq!(settle(address, &secret, "deposit", &deposit).await, 200);
    (running, secret)
}

/// W3, R13, I1, I10: 500 clients hold at once while howdah is killed; each gets one answer, and
/// exactly as many as the limit has room for are accepted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r13_w3_500_concurrent_holds_never_break_the_limit_not_even_over_a_crash() {
    let database = Cluster::shared().await.database().await;
    let (rig, address) = exchange(&database).await;
    let (mut running, secret) = opened(&rig, address).await;
    let crash = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        running.kill9().await;
        rig.start(&["run"])
    };
    let (first, mut again) = tokio::join!(all_holds(address, &secret), crash);
    assert_eq!(first, (416, 84));
    let connection = rig.connect().await;
    let state = "select concat_ws(' ', trim_scale(posted), trim_scale(held), \
                 trim_scale(posted + credit_limit - held)) from account_state \
                 where account like 'b0be%'";
    let state = async || -> String { connection.query_one(state, &[]).await.unwrap().get(0) };
    assert_eq!(state().await, "250 1248 2");
    // The rerun of all 500 keys: the same answers, and nothing changes.
    assert_eq!(all_holds(address, &secret).await, (416, 84));
    assert_eq!(state().await, "250 1248 2");
    again.signal(Signal::SIGTERM);
    again.wait().await;
    rig.fine(&["verify"]).await;
}
