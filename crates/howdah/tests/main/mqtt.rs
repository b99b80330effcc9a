//! An MQTT broker as a source: acknowledged after the commit, and nothing lost or doubled over
//! kills, cuts, restarts and takeovers.

use std::time::Duration;

use howdah_pg::Connection;
use howdah_testkit::{Cluster, Mosquitto, TcpProxy, TestDatabase, wait_until};
use nix::sys::signal::Signal;

use crate::rig::{PATIENCE, Rig, Running, number, texts, until};

const TABLES: &str = "
create table readings (
    site text not null,
    machine text not null,
    at timestamptz not null,
    seq bigint not null,
    value numeric(12,3) not null check (value < 1000),
    primary key (machine, at, seq)
);
create table alarms (
    machine text not null,
    at timestamptz not null,
    code text not null,
    primary key (machine, code, at)
);
";

const SYSTEM: &str = r#"
[system]
name = "NAME"
[database]
url = "env:HOWDAH_TEST_DATABASE"
[ingest]
batch_rows = 40
linger = "2 ms"
lease = "1 s"
event_bytes = "4 kB"
[streams.readings]
time = "at"
key = ["machine", "at", "seq"]
[streams.alarms]
time = "at"
key = ["machine", "code"]
[sources.plant]
[sources.plant.mqtt]
url = "env:MQTT_URL"
topics = ["plant/+/+/reading", "plant/+/+/alarm/#"]
client_id = "howdah-test"
qos = 1
inflight = 64
[sources.plant.map]
machine = "topic[2]"
at = { field = "t", as = "epoch ms" }
[[sources.plant.routes]]
into = "readings"
when = { "topic[3]" = "reading" }
map = { site = "topic[1]" }
[[sources.plant.routes]]
into = "alarms"
when = { "topic[3]" = "alarm" }
map = { code = "topic[4]" }
[rollups.totals]
from = "readings"
by = ["site"]
total = "sum(value)"
n = "count(*)"
"#;

const RUN: &[&str] = &["run", "--source", "plant"];
const ONCE: &[&str] = &["run", "--once", "--source", "plant"];

/// A system that reads from the broker behind `url`, applied.
async fn system(database: &TestDatabase, url: String) -> Rig {
    let rig = Rig::new(database).with_variables([("MQTT_URL".to_owned(), url)]);
    rig.write("migrations/0001_plant.sql", TABLES);
    rig.write("howdah.toml", SYSTEM.replace("NAME", &format!("plant_{}", database.name())));
    rig.fine(&["apply"]).await;
    rig
}

/// 2025-06-01 00:00 UTC in milliseconds.
const START_MS: u64 = 1_748_736_000_000;

/// The readings from number `from` on.
fn readings(from: u64, many: u64) -> Vec<(String, String)> {
    (from..from + many)
        .map(|n| {
            let topic = format!("plant/s{}/m{}/reading", n % 2, n % 7);
            let payload =
                format!("{{\"t\":{},\"seq\":{n},\"value\":{}.5}}", START_MS + n * 250, n % 100);
            (topic, payload)
        })
        .collect()
}

/// Everything is there once: `many` readings, and the rollup of them.
async fn holds(rig: &Rig, many: u64) {
    let connection = rig.connect().await;
    let many = i64::try_from(many).unwrap();
    let sql = "select count(*) from readings";
    assert_eq!(number(&connection, sql).await, many);
    let sql = "select count(distinct seq) from readings where seq between 0 and 1000000000";
    assert_eq!(number(&connection, sql).await, many);
    assert_eq!(number(&connection, "select sum(n)::bigint from totals").await, many);
    rig.fine(&["verify"]).await;
}

async fn until_rows(connection: &Connection, many: u64) {
    until("all is stored", connection, &format!("select count(*) = {many} from readings")).await;
}

async fn until_said(running: &Running, what: &str) {
    wait_until(what, PATIENCE, || async { running.said().contains(what) }).await;
}

#[tokio::test]
async fn messages_are_stored_by_the_levels_of_their_topics() {
    let database = Cluster::shared().await.database().await;
    let broker = Mosquitto::start().await.unwrap();
    let rig = system(&database, broker.url()).await;
    // The session begins with the first run; what is published before it is not for it, but for
    // what the broker retains.
    broker
        .publish(
            &[("plant/a/m1/reading".into(), r#"{"t":1748736000000,"seq":1,"value":1}"#.into())],
            true,
        )
        .await;
    rig.fine(ONCE).await;
    let large = format!(r#"{{"t":1748736000000,"seq":9,"value":1,"pad":"{}"}}"#, "x".repeat(5_000));
    let told = |topic: &str, payload: &str| (topic.to_owned(), payload.to_owned());
    let messages = [
        told("plant/a/m1/reading", r#"{"t":1748736001000,"seq":2,"value":2.5}"#),
        // A level decides, not a word that is somewhere in the topic.
        told("plant/reading/alarm/reading", r#"{"t":1748736001000,"seq":3,"value":3}"#),
        told("plant/a/m1/alarm/E7/now", r#"{"t":1748736001000}"#),
        told("plant/a/m1/alarm", r#"{"t":1748736001000}"#),
        told("plant/a/m1/reading", "{\"t\":1748736002000,"),
        told("plant/a/m1/reading", r#"{"t":1748736003000,"seq":4,"value":5000}"#),
        told("plant/a/m1/reading", ""),
        told("plant/a/m1/reading", &large),
        // A repeat, and what nobody has asked for.
        told("plant/a/m1/reading", r#"{"t":1748736001000,"seq":2,"value":2.5}"#),
        told("plant/a/m1/status", r#"{"t":1748736001000}"#),
    ];
    broker.publish(&messages, false).await;
    rig.fine(ONCE).await;
    let connection = rig.connect().await;
    assert_eq!(
        texts(&connection, "select site, machine, seq, value from readings order by seq").await,
        ["(a,m1,1,1.000)", "(a,m1,2,2.500)", "(reading,alarm,3,3.000)"]
    );
    assert_eq!(texts(&connection, "select machine, code from alarms").await, ["(m1,E7)"]);
    // By what they hold: which of them comes first depends on where the batches are cut.
    let letters = "select code, split_part(convert_from(payload, 'UTF8'), E'\\n', 1) as topic \
                   from howdah.dead_letters order by code, topic";
    assert_eq!(
        texts(&connection, letters).await,
        [
            "(23514,plant/a/m1/reading)",
            "(bad_json,plant/a/m1/reading)",
            "(bad_json,plant/a/m1/reading)",
            "(missing_field,plant/a/m1/alarm)",
            "(too_large,plant/a/m1/reading)",
        ]
    );
    let counts = "select events, rows, duplicates, dead_letters from howdah.positions";
    assert_eq!(texts(&connection, counts).await, ["(10,4,1,5)"]);
    // A letter comes back with its topic.
    connection
        .batch_execute("alter table readings drop constraint readings_value_check")
        .await
        .unwrap();
    let replayed = rig.howdah(&["dead-letters", "replay", "--source", "plant"]).await;
    let told = "1 replayed: 1 new rows, 0 were there already; 4 still refused";
    assert!(replayed.stderr.contains(told), "{}", replayed.stderr);
    let sql = "select site, machine, value from readings where seq = 4";
    assert_eq!(texts(&connection, sql).await, ["(a,m1,5000.000)"]);
    rig.fine(&["verify"]).await;
    // Nothing comes again: the session has acknowledged all, and has had what is retained.
    rig.fine(ONCE).await;
    assert_eq!(texts(&connection, counts).await, ["(10,4,1,5)"]);
    let doctor = rig.howdah(&["doctor"]).await;
    assert!(doctor.stdout.contains("plant can be reached"), "{}", doctor.stdout);
}

#[tokio::test]
async fn a_kill_between_receive_commit_and_acknowledgement_loses_and_doubles_nothing() {
    let database = Cluster::shared().await.database().await;
    let broker = Mosquitto::start().await.unwrap();
    let rig = system(&database, broker.url()).await;
    rig.fine(ONCE).await;
    let steps = [
        ("decode=kill@2", false),
        ("writer.before_commit=kill@2", false),
        ("writer.after_commit_sent=kill@2", false),
        ("writer.after_commit=kill@2", true),
        ("acknowledge=kill@1", true),
        ("acknowledge=kill@3", true),
    ];
    let mut fed = 0;
    for (step, repeats) in steps {
        broker.publish(&readings(fed, 200), false).await;
        fed += 200;
        let connection = rig.connect().await;
        let duplicates = "select coalesce(sum(duplicates), 0)::bigint from howdah.positions";
        let before = number(&connection, duplicates).await;
        let mut running = rig.start_with(RUN, &[("HOWDAH_FAILPOINTS", step)]);
        assert_eq!(running.wait().await, None, "{step}: {}", running.said());
        rig.fine(ONCE).await;
        holds(&rig, fed).await;
        // What was committed and not acknowledged came again, and fell on its key.
        let after = number(&connection, duplicates).await;
        assert!(!repeats || after > before, "{step}: {before} duplicates, then {after}");
    }
    let connection = rig.connect().await;
    let lost = "select count(*) from howdah.losses";
    assert_eq!(number(&connection, lost).await, 0);
}

#[tokio::test]
async fn a_broker_that_is_cut_off_restarted_and_away_loses_nothing() {
    let database = Cluster::shared().await.database().await;
    let mut broker = Mosquitto::start().await.unwrap();
    let proxy = TcpProxy::start(broker.port()).await;
    let rig = system(&database, broker.url_at(proxy.port())).await;
    rig.fine(ONCE).await;
    // It may be away at the start.
    proxy.refuse(true);
    let mut running = rig.start_with(RUN, &[("HOWDAH_FAILPOINTS", "acknowledge=error%25")]);
    until_said(&running, "the MQTT broker is away").await;
    proxy.refuse(false);
    let connection = rig.connect().await;
    let mut fed = 0;
    for round in 0..6 {
        broker.publish(&readings(fed, 300), false).await;
        let some = fed + 20;
        fed += 300;
        let begun = format!("select count(*) >= {some} from readings");
        until("some is stored", &connection, &begun).await;
        match round % 3 {
            0 => proxy.cut(),
            1 => {
                broker.stop().await;
                broker.restart().await.unwrap();
            }
            _ => {
                proxy.hold_replies(true);
                broker.publish(&readings(fed, 10), false).await;
                fed += 10;
                proxy.cut();
                proxy.hold_replies(false);
            }
        }
    }
    until_rows(&connection, fed).await;
    assert!(running.runs(), "{}", running.said());
    running.signal(Signal::SIGTERM);
    assert_eq!(running.wait().await, Some(0), "{}", running.said());
    holds(&rig, fed).await;
    assert_eq!(number(&connection, "select count(*) from howdah.losses").await, 0);
}

#[tokio::test]
async fn a_database_that_is_away_fills_the_window_and_no_more() {
    let database = Cluster::shared().await.database().await;
    let broker = Mosquitto::start().await.unwrap();
    let rig = system(&database, broker.url()).await;
    rig.fine(ONCE).await;
    let connection = rig.connect().await;
    let running = rig.start(RUN);
    let subscribed = || broker.log().matches("Sending SUBACK to howdah-test").count() >= 3;
    wait_until("it is subscribed", PATIENCE, || async { subscribed() }).await;
    connection.batch_execute("begin; lock table readings in access exclusive mode").await.unwrap();
    broker.publish(&readings(0, 500), false).await;
    // 64 messages are under way, and stay so: nothing is acknowledged.
    let sent = || async { broker.log().matches("Sending PUBLISH to howdah-test").count() };
    wait_until("the window is full", PATIENCE, || async { sent().await >= 64 }).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(sent().await, 64);
    assert!(!broker.log().contains("Received PUBACK from howdah-test"));
    connection.batch_execute("rollback").await.unwrap();
    until_rows(&connection, 500).await;
    drop(running);
    rig.fine(ONCE).await;
    holds(&rig, 500).await;
}

#[tokio::test]
async fn a_process_that_stands_by_does_not_take_the_session() {
    let database = Cluster::shared().await.database().await;
    let broker = Mosquitto::start().await.unwrap();
    let rig = system(&database, broker.url()).await;
    let mut owner = rig.start(RUN);
    let connection = rig.connect().await;
    wait_until("it is subscribed", PATIENCE, || async {
        broker.log().contains("Sending SUBACK to howdah-test")
    })
    .await;
    broker.publish(&readings(0, 100), false).await;
    until_rows(&connection, 100).await;
    let mut standby = rig.start(RUN);
    until_said(&standby, "standing by").await;
    broker.publish(&readings(100, 100), false).await;
    until_rows(&connection, 200).await;
    let connects = || broker.log().matches("as howdah-test (").count();
    assert_eq!(connects(), 1, "{}", broker.log());
    owner.kill9().await;
    broker.publish(&readings(200, 100), false).await;
    until_rows(&connection, 300).await;
    assert_eq!(connects(), 2);
    standby.signal(Signal::SIGTERM);
    assert_eq!(standby.wait().await, Some(0), "{}", standby.said());
    rig.fine(ONCE).await;
    holds(&rig, 300).await;
}

#[tokio::test]
async fn a_broker_that_forgot_the_session_is_a_loss_that_is_kept() {
    let database = Cluster::shared().await.database().await;
    let mut broker = Mosquitto::start().await.unwrap();
    let rig = system(&database, broker.url()).await;
    rig.fine(ONCE).await;
    broker.publish(&readings(0, 50), false).await;
    rig.fine(ONCE).await;
    broker.publish(&readings(50, 50), false).await;
    broker.stop().await;
    broker.forget();
    broker.restart().await.unwrap();
    let running = rig.start(RUN);
    until_said(&running, "the broker has no session any more").await;
    wait_until("it is subscribed", PATIENCE, || async {
        broker.log().matches("Sending SUBACK to howdah-test").count() >= 3
    })
    .await;
    broker.publish(&readings(100, 50), false).await;
    let connection = rig.connect().await;
    until_rows(&connection, 100).await;
    let losses = "select source, kind, entries, exact from howdah.losses";
    until("the loss is kept", &connection, "select count(*) = 1 from howdah.losses").await;
    assert_eq!(texts(&connection, losses).await, ["(plant,reset,0,f)"]);
}

#[tokio::test]
async fn a_session_that_another_client_took_is_told_and_read_on() {
    let database = Cluster::shared().await.database().await;
    let broker = Mosquitto::start().await.unwrap();
    let rig = system(&database, broker.url()).await;
    let mut running = rig.start(RUN);
    wait_until("it is subscribed", PATIENCE, || async {
        broker.log().contains("Sending SUBACK to howdah-test")
    })
    .await;
    // Its own session ends with it, and the source's is gone. (This broker only hangs up; one that
    // says why makes howdah wait a while.)
    broker.take_session("howdah-test").await;
    until_said(&running, "the broker has no session any more").await;
    until_said(&running, "the MQTT broker is back").await;
    running.signal(Signal::SIGTERM);
    assert_eq!(running.wait().await, Some(0), "{}", running.said());
}

#[tokio::test]
async fn a_wrong_password_is_told_and_not_repeated() {
    let database = Cluster::shared().await.database().await;
    let broker = Mosquitto::start().await.unwrap();
    let rig = system(&database, format!("mqtt://howdah:wrong@127.0.0.1:{}", broker.port())).await;
    let ended = rig.howdah(ONCE).await;
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("HD0305") && !ended.stderr.contains("wrong@"),
        "{}",
        ended.stderr
    );
}
