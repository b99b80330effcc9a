//! The ends of `howdah run`: drained, stopped at once, of itself, and by its mistakes.

use howdah_pg::Connection;
use howdah_testkit::{Cluster, Cuts, wait_until};
use nix::sys::signal::Signal;

use crate::market::{Expected, FILES, Trade, counts, market, write};
use crate::rig::{PATIENCE, Rig, until};

const EVENTS: i64 = 8_000;

fn write_trades(rig: &Rig, seed: u64) -> Expected {
    let mut dice = Cuts::new(seed);
    let trades: Vec<Trade> =
        (0..EVENTS.cast_unsigned()).map(|id| Trade::roll(&mut dice, id)).collect();
    let lines: Vec<String> = trades.iter().map(Trade::json).collect();
    rig.write("trades.ndjson", lines.join("\n"));
    Expected { trades, ..Expected::default() }
}

async fn until_begun(connection: &Connection, events: i64) {
    let begun = format!("select coalesce(sum(events), 0) >= {events} from howdah.positions");
    until("the load has come so far", connection, &begun).await;
}

/// Rows and rollups are those of exactly the events that the position counts.
async fn hold_beginning(connection: &Connection, expected: &Expected) -> i64 {
    let [events, rows, duplicates, refused] = counts(connection, "trades_file").await;
    assert_eq!([rows, duplicates, refused], [events, 0, 0]);
    let trades = expected.trades[..usize::try_from(events).unwrap()].to_vec();
    Expected { trades, ..Expected::default() }.hold(connection).await;
    events
}

#[tokio::test]
async fn a_first_signal_drains_and_the_next_run_goes_on() {
    let database = Cluster::shared().await.database().await;
    let rig = market(&database, FILES).await;
    let expected = write_trades(&rig, 41);
    let connection = rig.connect().await;
    let mut committed = 0;
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut running = rig.start(&["run", "--source", "trades_file"]);
        until_begun(&connection, committed + 500).await;
        running.signal(signal);
        assert_eq!(running.wait().await, Some(0), "{}", running.said());
        let now = hold_beginning(&connection, &expected).await;
        assert!(committed < now && now < EVENTS, "{committed} then {now}");
        committed = now;
    }
    rig.fine(&["run", "--once", "--source", "trades_file"]).await;
    assert_eq!(hold_beginning(&connection, &expected).await, EVENTS);
    rig.fine(&["verify"]).await;
}

#[tokio::test]
async fn a_second_signal_stops_at_once_and_the_next_run_goes_on() {
    let database = Cluster::shared().await.database().await;
    let rig = market(&database, FILES).await;
    let expected = write_trades(&rig, 42);
    let connection = rig.connect().await;
    let mut running = rig.start(&["run", "--source", "trades_file"]);
    until_begun(&connection, 500).await;
    // The batch in hand cannot be finished while this lock is held.
    let lock = "begin; lock table candles_1m in access exclusive mode";
    connection.batch_execute(lock).await.unwrap();
    let blocked = "select exists (select from pg_stat_activity where wait_event_type = 'Lock' and \
                   application_name like 'howdah run %' and datname = current_database())";
    until("a batch waits for the lock", &connection, blocked).await;
    running.signal(Signal::SIGTERM);
    wait_until("the first signal is heard", PATIENCE, || async {
        running.said().contains("again to stop at once")
    })
    .await;
    running.signal(Signal::SIGTERM);
    assert_eq!(running.wait().await, Some(130), "{}", running.said());
    connection.batch_execute("rollback").await.unwrap();
    assert!(hold_beginning(&connection, &expected).await < EVENTS);
    rig.fine(&["run", "--once", "--source", "trades_file"]).await;
    assert_eq!(hold_beginning(&connection, &expected).await, EVENTS);
}

#[tokio::test]
async fn a_signal_ends_a_run_whose_database_is_away() {
    let mut cluster = Cluster::start(howdah_testkit::ClusterOptions::default()).await;
    let database = cluster.database().await;
    let rig = market(&database, FILES).await;
    write_trades(&rig, 43);
    let connection = rig.connect().await;
    let mut running = rig.start(&["run", "--source", "trades_file"]);
    until_begun(&connection, 100).await;
    cluster.stop_immediate().await;
    wait_until("howdah waits", PATIENCE, || async { running.said().contains("waits") }).await;
    running.signal(Signal::SIGTERM);
    assert_eq!(running.wait().await, Some(0), "{}", running.said());
}

#[tokio::test]
async fn the_exit_code_of_a_single_run_tells_how_it_ended() {
    let database = Cluster::shared().await.database().await;
    let rig = Rig::new(&database);
    write(&rig, &database, FILES);
    let run = ["run", "--once", "--source", "trades_file"];
    let failed = async |args: &[&str], code: &str| {
        let ended = rig.howdah(args).await;
        assert_eq!(ended.code, Some(2), "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(code), "{args:?}: {}", ended.stderr);
    };
    failed(&run, "HD0402").await;
    rig.fine(&["migrate", "up"]).await;
    failed(&run, "HD0402").await;
    rig.fine(&["apply"]).await;
    failed(&run, "HD0501").await;
    failed(&["run", "--once", "--source", "nonsense"], "HD0603").await;

    // One source fails, the other one is committed all the same.
    let expected = write_trades(&rig, 44);
    let connection = rig.connect().await;
    failed(&["run", "--once"], "HD0501").await;
    hold_beginning(&connection, &expected).await;
    rig.fine(&run).await;
    assert_eq!(hold_beginning(&connection, &expected).await, EVENTS);

    // The file is another one now.
    rig.write("trades.ndjson", "{}\n");
    failed(&run, "HD0502").await;
    assert_eq!(hold_beginning(&connection, &expected).await, EVENTS);
}

#[tokio::test]
async fn a_rate_holds_a_source_back_until_the_file_lifts_it() {
    let database = Cluster::shared().await.database().await;
    let limited = FILES.replace("[sources.trades_file]", "[sources.trades_file]\nrate = 400");
    let rig = market(&database, &limited).await;
    let expected = write_trades(&rig, 44);
    let connection = rig.connect().await;
    let mut running = rig.start(&["run", "--source", "trades_file"]);
    until_begun(&connection, 500).await;
    // A batch of this source would have been all of it: what holds it back is the rate.
    let [so_far, ..] = counts(&connection, "trades_file").await;
    assert!(so_far < EVENTS, "{so_far}");
    // A mistake changes nothing.
    let file = std::fs::read_to_string(rig.path("howdah.toml")).unwrap();
    rig.write("howdah.toml", file.replace("rate = 400", "rate = 0"));
    let told = "the changed system file is not taken";
    wait_until("the mistake is told", PATIENCE, async || running.said().contains(told)).await;
    rig.write("howdah.toml", file.replace("rate = 400", ""));
    assert_eq!(running.wait().await, Some(0), "{}", running.said());
    assert_eq!(hold_beginning(&connection, &expected).await, EVENTS);
    assert!(running.said().contains("the source has no rate any more"), "{}", running.said());
}
