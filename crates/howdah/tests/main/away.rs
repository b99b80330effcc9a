//! A database that goes away or is full: nothing is acknowledged, howdah waits, and goes on.

use std::time::Duration;

use howdah_testkit::{Cluster, ClusterOptions, Cuts, SmallDisk, wait_until};

use crate::market::{Expected, FILES, Trade, counts, market};
use crate::rig::{PATIENCE, Rig, Running, until};

/// A file of so many trades.
fn write_trades(rig: &Rig, seed: u64, many: u64) -> Expected {
    let mut dice = Cuts::new(seed);
    let trades: Vec<Trade> = (0..many).map(|id| Trade::roll(&mut dice, id)).collect();
    let lines: Vec<String> = trades.iter().map(Trade::json).collect();
    rig.write("trades.ndjson", lines.join("\n"));
    Expected { trades, ..Expected::default() }
}

/// Waits until howdah says that it waits.
async fn until_waiting(running: &Running, why: &str) {
    wait_until("howdah waits for the database", PATIENCE, || async {
        let said = running.said();
        said.contains("the batch in hand waits") && said.contains(why)
    })
    .await;
}

#[tokio::test]
async fn a_database_that_disappears_mid_batch_is_waited_for() {
    let mut cluster = Cluster::start(ClusterOptions::default()).await;
    let database = cluster.database().await;
    let rig = market(&database, FILES).await;
    let expected = write_trades(&rig, 31, 10_000);
    let mut running = rig.start(&["run", "--once", "--source", "trades_file"]);
    let connection = rig.connect().await;
    let begun = "select coalesce(sum(events), 0) >= 500 from howdah.positions";
    until("the load has begun", &connection, begun).await;
    cluster.stop_immediate().await;
    until_waiting(&running, "").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(running.runs(), "{}", running.said());
    cluster.restart().await;
    assert_eq!(running.wait().await, Some(0), "{}", running.said());
    let connection = rig.connect().await;
    assert_eq!(counts(&connection, "trades_file").await, [10_000, 10_000, 0, 0]);
    expected.hold(&connection).await;
    rig.fine(&["verify"]).await;
}

#[tokio::test]
async fn an_answer_of_disk_full_is_waited_out() {
    let database = Cluster::shared().await.database().await;
    let rig = market(&database, FILES).await;
    let connection = rig.connect().await;
    let full = "create function full_disk() returns trigger language plpgsql as $$ begin \
         if (select exists (select from disk where full_up)) then \
         raise exception 'could not extend file: no space left on device' \
         using errcode = '53100'; end if; return new; end $$; \
         create table disk (full_up boolean); insert into disk values (true); \
         create trigger full_disk before insert on trades for each row when (new.trade_id >= 1000) \
         execute function full_disk()";
    connection.batch_execute(full).await.unwrap();
    let expected = write_trades(&rig, 32, 2_000);
    let mut running = rig.start(&["run", "--once", "--source", "trades_file"]);
    until_waiting(&running, "no space left").await;
    assert_eq!(counts(&connection, "trades_file").await, [1_000, 1_000, 0, 0]);
    assert!(running.runs());
    connection.batch_execute("update disk set full_up = false").await.unwrap();
    assert_eq!(running.wait().await, Some(0), "{}", running.said());
    expected.hold(&connection).await;
    assert_eq!(counts(&connection, "trades_file").await, [2_000, 2_000, 0, 0]);
}

#[tokio::test]
async fn a_database_that_became_read_only_is_waited_out() {
    let database = Cluster::shared().await.database().await;
    let rig = market(&database, FILES).await;
    let expected = write_trades(&rig, 34, 5_000);
    let mut running = rig.start(&["run", "--once", "--source", "trades_file"]);
    let connection = rig.connect().await;
    let begun = "select coalesce(sum(events), 0) >= 500 from howdah.positions";
    until("the load has begun", &connection, begun).await;
    let name = database.name();
    let read_only = format!(
        "alter database {name} set default_transaction_read_only = on; \
         select pg_terminate_backend(pid) from pg_stat_activity \
         where application_name like 'howdah run %' and datname = current_database()"
    );
    connection.batch_execute(&read_only).await.unwrap();
    until_waiting(&running, "read-only").await;
    assert!(running.runs());
    let again = format!("alter database {name} reset default_transaction_read_only");
    connection.batch_execute(&again).await.unwrap();
    assert_eq!(running.wait().await, Some(0), "{}", running.said());
    expected.hold(&connection).await;
    assert_eq!(counts(&connection, "trades_file").await, [5_000, 5_000, 0, 0]);
}

#[tokio::test]
async fn a_full_disk_is_waited_out() {
    let Some(disk) = SmallDisk::mount("64m") else {
        println!("skipped: only root can mount a small disk");
        return;
    };
    let cluster = Cluster::start(ClusterOptions::default()).await;
    let database = cluster.database().await;
    let rig = market(&database, FILES).await;
    // What howdah makes from now on, the chunks, lies on the small disk.
    let folder = disk.folder_like("tablespace", &cluster.dir().join("data"));
    let admin = database.admin().await;
    let make = format!("create tablespace small location '{}'", folder.display());
    admin.batch_execute(&make).await.unwrap();
    let name = database.name();
    let use_it = format!(
        "grant create on tablespace small to {name}; \
         alter database {name} set default_tablespace = small"
    );
    admin.batch_execute(&use_it).await.unwrap();
    disk.fill();

    let expected = write_trades(&rig, 33, 20_000);
    let mut running = rig.start(&["run", "--once", "--source", "trades_file"]);
    until_waiting(&running, "No space left on device").await;
    let connection = rig.connect().await;
    let before = counts(&connection, "trades_file").await;
    assert!(before[0] < 20_000 && before[0] == before[1], "{before:?}");
    assert!(running.runs());
    disk.free();
    assert_eq!(running.wait().await, Some(0), "{}", running.said());
    expected.hold(&connection).await;
    assert_eq!(counts(&connection, "trades_file").await, [20_000, 20_000, 0, 0]);
    rig.fine(&["verify"]).await;
    drop((connection, admin));
    drop(cluster);
}
