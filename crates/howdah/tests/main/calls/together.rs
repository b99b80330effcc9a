//! One account under 80 clients, half of them over HTTP and half over Redis: two ways into one
//! stream, whose verdicts must be those of one order.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use howdah_pg::Connection;
use howdah_testkit::{Cluster, Persistence, RedisServer};
use nix::sys::signal::Signal;
use redis::aio::MultiplexedConnection;
use redis::streams::StreamRangeReply;
use serde_json::{Value, json};

use super::{exchange_with, hold, opened, settle};
use crate::rig::until;

/// Clients of each way, and the holds that each of them wants.
const CLIENTS: u32 = 40;
const HOLDS: u32 = 10;
const WANTED: u64 = 2 * CLIENTS as u64 * HOLDS as u64;
/// Deposit and credit limit of the account, in cents.
const ROOM: i64 = 125_000;

const LEDGER: &str = r#"
[sources.ledger]
redis = { url = "env:HOWDAH_REDIS_URL", stream = "ledger" }
into = "ledger"
legs = "legs"
[sources.ledger.map]
account = "legs[].account_id"
bucket = "legs[].bucket"
amount = "legs[].amount"
"#;

/// What a hold wants, in cents: from 1.00 to 5.87, so that smaller ones fit where larger do not.
fn cents(number: u32) -> i64 {
    100 + i64::from(number * 37 % 488)
}

fn wanted(number: u32) -> Value {
    let mut event = hold(number);
    let amount =
        |sign: &str| json!(format!("{sign}{}.{:02}", cents(number) / 100, cents(number) % 100));
    event["legs"][0]["amount"] = amount("");
    event["legs"][1]["amount"] = amount("-");
    event
}

/// The number of a hold, out of the id of its transaction.
fn number_of(txn: &str) -> Option<u32> {
    txn.starts_with("10000000-").then(|| txn[24..].parse().unwrap())
}

/// Where each hold was decided: the transaction that stored its rows, or its dead letter.
async fn decided(connection: &Connection, sql: &str) -> HashMap<u32, i64> {
    let rows = connection.query(sql, &[]).await.unwrap();
    let found = rows.iter().filter_map(|row| Some((number_of(row.get(0))?, row.get(1))));
    let all: Vec<(u32, i64)> = found.collect();
    let by_number: HashMap<u32, i64> = all.iter().copied().collect();
    assert_eq!(by_number.len(), all.len(), "nothing is decided twice");
    by_number
}

/// Takes the holds that came by HTTP and were stored before the transaction `until`.
fn take_http(waiting: &mut BTreeMap<i64, Vec<u32>>, until: i64, room: &mut i64) {
    let later = waiting.split_off(&until);
    for number in std::mem::replace(waiting, later).into_values().flatten() {
        *room -= cents(number);
        assert!(*room >= 0, "the limit is broken by hold {number}");
    }
}

async fn send_all(mut redis: MultiplexedConnection, client: u32) {
    for number in (0..HOLDS).map(|n| 1_000 + client * HOLDS + n) {
        let event = wanted(number).to_string();
        let mut add = redis::cmd("XADD");
        add.arg(&["ledger", "*", "data", &event]);
        add.exec_async(&mut redis).await.unwrap();
    }
}

/// All clients at once; what those over HTTP were answered, by hold.
async fn all_at_once(
    address: SocketAddr,
    secret: &str,
    feeder: &MultiplexedConnection,
) -> HashMap<u32, u16> {
    let mut by_redis = tokio::task::JoinSet::new();
    let mut by_http = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        by_redis.spawn(send_all(feeder.clone(), client));
        let secret = secret.to_owned();
        by_http.spawn(async move {
            let mut answers = Vec::new();
            for number in (0..HOLDS).map(|n| client * HOLDS + n) {
                let name = format!("hold-{number}");
                answers.push((number, settle(address, &secret, &name, &wanted(number)).await));
            }
            answers
        });
    }
    by_redis.join_all().await;
    by_http.join_all().await.into_iter().flatten().collect()
}

/// I1, R13: whoever comes by whichever way, the limit holds after each event, every accepted event
/// is there once, and who is refused would have broken the limit where it came.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r13_i1_80_clients_over_http_and_redis_never_break_the_limit_and_lose_nothing() {
    let database = Cluster::shared().await.database().await;
    let server = RedisServer::start(Persistence::None).await.unwrap();
    let (rig, address) = exchange_with(&database, Some(server.url()), LEDGER).await;
    let (mut running, secret) = opened(&rig, address).await;

    let client = redis::Client::open(server.url()).unwrap();
    let mut feeder = client.get_multiplexed_async_connection().await.unwrap();
    let answers = all_at_once(address, &secret, &feeder).await;
    let connection = rig.connect().await;
    let read =
        format!("select coalesce(sum(events), 0) = {} from howdah.positions", CLIENTS * HOLDS);
    until("Redis is read", &connection, &read).await;
    running.signal(Signal::SIGTERM);
    running.wait().await;

    let stored = "select distinct txn_id::text, xmin::text::bigint from ledger where kind = 'hold'";
    let stored = decided(&connection, stored).await;
    let letters = "select convert_from(payload, 'UTF8')::json ->> 'txn_id', xmin::text::bigint \
                   from howdah.dead_letters where code = 'check_refused'";
    let letters = decided(&connection, letters).await;
    assert_eq!(letters.len() + stored.len() + refused(&answers), WANTED as usize);

    // Transactions that judge run one after the other, so their numbers are their order.
    let mut waiting: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
    for (number, status) in &answers {
        match stored.get(number) {
            Some(transaction) => waiting.entry(*transaction).or_default().push(*number),
            None => assert_eq!(*status, 422, "an accepted hold is lost: {number}"),
        }
        assert!(*status == 422 || stored.contains_key(number));
    }
    let entries: StreamRangeReply =
        redis::cmd("XRANGE").arg(&["ledger", "-", "+"]).query_async(&mut feeder).await.unwrap();
    let mut room = ROOM;
    for entry in &entries.ids {
        let event: Value = serde_json::from_str(&entry.get::<String>("data").unwrap()).unwrap();
        let number = number_of(event["txn_id"].as_str().unwrap()).unwrap();
        let accepted = stored.get(&number);
        take_http(&mut waiting, *accepted.or(letters.get(&number)).unwrap(), &mut room);
        assert_eq!(accepted.is_some(), cents(number) <= room, "hold {number} with {room} left");
        room -= accepted.map_or(0, |_| cents(number));
    }
    take_http(&mut waiting, i64::MAX, &mut room);
    // Room only shrinks here, so who was refused at some time does not fit at the end either.
    for (number, _) in answers.iter().filter(|(_, status)| **status == 422) {
        assert!(cents(*number) > room, "hold {number} was refused with room for it");
    }
    let left = "select (100 * (posted + credit_limit - held))::bigint from account_state \
                where account like 'b0be%'";
    assert_eq!(crate::rig::number(&connection, left).await, room);
    rig.fine(&["verify"]).await;
}

fn refused(answers: &HashMap<u32, u16>) -> usize {
    answers.values().filter(|status| **status == 422).count()
}
