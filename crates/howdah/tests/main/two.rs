//! Two processes on one source by mistake: at most one goes on, and nothing is doubled.

use std::time::Duration;

use howdah_testkit::{Cluster, Cuts, Persistence, RedisServer};
use nix::sys::signal::Signal;

use crate::market::{Expected, FILES, REDIS, Trade, counts, market, write};
use crate::rig::{Rig, Running, number, until};

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
async fn several_runs_that_start_together_make_the_chunks_ahead_together() {
    let database = Cluster::shared().await.database().await;
    let rig = market(&database, FILES).await;
    rig.write("trades.ndjson", "");
    let connection = rig.connect().await;
    let chunks = "select count(*) from pg_inherits where inhparent = 'trades'::regclass";
    let made = number(&connection, chunks).await;
    let drop = "do $$ declare chunk regclass; begin \
                for chunk in select inhrelid from pg_inherits where inhparent in \
                ('trades'::regclass, 'fills'::regclass, 'postings'::regclass) loop \
                execute 'drop table ' || chunk; end loop; end $$";
    for _ in 0..3 {
        connection.batch_execute(drop).await.unwrap();
        let run = ["run", "--once", "--source", "trades_file"];
        let mut runs: Vec<Running> = (0..5).map(|_| rig.start(&run)).collect();
        for running in &mut runs {
            assert_eq!(running.wait().await, Some(0), "{}", running.said());
        }
        assert_eq!(number(&connection, chunks).await, made);
    }
}

#[tokio::test]
async fn a_chunk_that_somebody_drops_is_made_again() {
    let database = Cluster::shared().await.database().await;
    let redis = RedisServer::start(Persistence::None).await.unwrap();
    let rig = Rig::new(&database).with_redis(redis.url());
    write(&rig, &database, REDIS);
    rig.fine(&["apply"]).await;
    let _running = rig.start(&["run", "--source", "trades"]);
    let connection = rig.connect().await;
    let client = redis::Client::open(redis.url()).unwrap();
    let mut feeder = client.get_multiplexed_async_connection().await.unwrap();
    for (round, trade) in rolled(56, 3).iter().enumerate() {
        let mut add = redis::cmd("XADD");
        add.arg(&["trades", "*", "data", &trade.json()]);
        add.exec_async(&mut feeder).await.unwrap();
        let done = format!("select coalesce(sum(events), 0) = {} from howdah.positions", round + 1);
        until("the trade is committed", &connection, &done).await;
        assert_eq!(counts(&connection, "trades").await[3], 0, "none is refused");
        let drop = "do $$ begin execute 'drop table ' || \
                    (select tableoid::regclass from trades limit 1); end $$";
        connection.batch_execute(drop).await.unwrap();
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
