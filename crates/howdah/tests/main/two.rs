//! Two processes on one source by mistake: at most one goes on, and nothing is doubled.

use std::time::Duration;

use howdah_testkit::{Cluster, Cuts, Persistence, RedisServer};
use nix::sys::signal::Signal;

use crate::market::{Expected, FILES, REDIS, Trade, counts, write};
use crate::rig::{Rig, Running, until};

fn rolled(seed: u64, many: u64) -> Vec<Trade> {
    let mut dice = Cuts::new(seed);
    (0..many).map(|id| Trade::roll(&mut dice, id)).collect()
}

/// One that did not end well has to say that the shard is another's.
async fn ended(running: &mut Running) -> bool {
    match running.wait().await {
        Some(0) => true,
        code => {
            let said = running.said();
            assert!(code == Some(2) && said.contains("HD0503"), "{code:?}: {said}");
            false
        }
    }
}

#[tokio::test]
async fn two_runs_on_one_file_double_nothing() {
    let cluster = Cluster::shared().await;
    for seed in 51..54 {
        let database = cluster.database().await;
        let rig = Rig::new(&database);
        write(&rig, &database, FILES);
        rig.fine(&["apply"]).await;
        let trades = rolled(seed, 5_000);
        let lines: Vec<String> = trades.iter().map(Trade::json).collect();
        rig.write("trades.ndjson", lines.join("\n"));
        let run = ["run", "--once", "--source", "trades_file"];
        let mut first = rig.start(&run);
        tokio::time::sleep(Duration::from_millis(70 * (seed - 51))).await;
        let mut second = rig.start(&run);
        let both = (ended(&mut first).await, ended(&mut second).await);
        assert!(both.0 || both.1, "somebody has to come to the end");
        let connection = rig.connect().await;
        assert_eq!(counts(&connection, "trades_file").await, [5_000, 5_000, 0, 0]);
        Expected { trades, ..Expected::default() }.hold(&connection).await;
        rig.fine(&["verify"]).await;
    }
}

#[tokio::test]
async fn two_runs_on_one_redis_stream_double_nothing() {
    let database = Cluster::shared().await.database().await;
    let redis = RedisServer::start(Persistence::None).await.unwrap();
    let rig = Rig::new(&database).with_redis(redis.url());
    write(&rig, &database, REDIS);
    rig.fine(&["apply"]).await;
    let mut both = [rig.start(&["run"]), rig.start(&["run"])];
    let client = redis::Client::open(redis.url()).unwrap();
    let mut feeder = client.get_multiplexed_async_connection().await.unwrap();
    let trades = rolled(55, 4_000);
    for some in trades.chunks(10) {
        let mut pipe = redis::pipe();
        for trade in some {
            pipe.cmd("XADD").arg("trades").arg("*").arg("data").arg(trade.json()).ignore();
        }
        pipe.query_async::<()>(&mut feeder).await.unwrap();
    }
    let connection = rig.connect().await;
    let done = "select coalesce(sum(events), 0) = 4000 from howdah.positions";
    until("everything is committed", &connection, done).await;
    for running in &mut both {
        running.signal(Signal::SIGTERM);
        ended(running).await;
    }
    assert_eq!(counts(&connection, "trades").await, [4_000, 4_000, 0, 0]);
    Expected { trades, ..Expected::default() }.hold(&connection).await;
    rig.fine(&["verify"]).await;
}
