//! Several processes on the same shards: one owns each, the others stand by and take over.

use std::time::{Duration, Instant};

use howdah_testkit::{Cluster, Cuts, Persistence, RedisServer, TestDatabase};
use nix::sys::signal::Signal;
use redis::aio::MultiplexedConnection;

use crate::market::{Expected, REDIS, Trade, counts, write};
use crate::rig::{Rig, Running, texts, until};

/// A short lease, so that a stopped owner is not waited for long.
const LEASE: &str = "[ingest]\nlease = \"1 s\"\n";
const RUN: &[&str] = &["run", "--source", "trades"];
/// A takeover that takes longer than this is broken; the lease is 1 s, the machine may be busy.
const TAKEOVER: Duration = Duration::from_secs(30);

struct Stage {
    redis: RedisServer,
    feeder: MultiplexedConnection,
    rig: Rig,
    trades: Vec<Trade>,
    dice: Cuts,
}

impl Stage {
    async fn new(database: &TestDatabase, seed: u64) -> Self {
        let redis = RedisServer::start(Persistence::None).await.unwrap();
        let rig = Rig::new(database).with_redis(redis.url());
        write(&rig, database, REDIS);
        let system = std::fs::read_to_string(rig.path("howdah.toml")).unwrap();
        rig.write("howdah.toml", system.replace("[ingest]\n", LEASE));
        rig.fine(&["apply"]).await;
        let client = redis::Client::open(redis.url()).unwrap();
        let feeder = client.get_multiplexed_async_connection().await.unwrap();
        Self { redis, feeder, rig, trades: Vec::new(), dice: Cuts::new(seed) }
    }

    fn start(&self) -> Running {
        self.rig.start(RUN)
    }

    async fn feed(&mut self, many: u64) {
        let mut pipe = redis::pipe();
        for _ in 0..many {
            let trade = Trade::roll(&mut self.dice, self.trades.len() as u64);
            pipe.cmd("XADD").arg("trades").arg("*").arg("data").arg(trade.json()).ignore();
            self.trades.push(trade);
        }
        pipe.query_async::<()>(&mut self.feeder).await.unwrap();
    }

    /// Waits until everything that was fed is committed.
    async fn drained(&self) {
        let connection = self.rig.connect().await;
        let done = format!("select coalesce(sum(events), 0) = {}", self.trades.len());
        until("all is committed", &connection, &format!("{done} from howdah.positions")).await;
    }

    /// Everything is there once.
    async fn holds(self) {
        let connection = self.rig.connect().await;
        let fed = i64::try_from(self.trades.len()).unwrap();
        assert_eq!(counts(&connection, "trades").await, [fed, fed, 0, 0]);
        Expected { trades: self.trades, ..Expected::default() }.hold(&connection).await;
        self.rig.fine(&["verify"]).await;
        drop(self.redis);
    }

    /// The owner of the shard, as the table says.
    async fn owner(&self) -> String {
        let connection = self.rig.connect().await;
        until(
            "the shard is owned",
            &connection,
            "select exists (select from howdah.positions where owner is not null)",
        )
        .await;
        texts(&connection, "select owner, epoch from howdah.positions").await.remove(0)
    }
}

async fn until_standby(running: &Running) {
    while !running.said().contains("standing by") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_standby_takes_over_when_its_owner_is_killed_and_at_once_when_it_ends() {
    let database = Cluster::shared().await.database().await;
    let mut stage = Stage::new(&database, 71).await;
    let mut owner = stage.start();
    stage.feed(500).await;
    stage.drained().await;
    let mut standby = stage.start();
    until_standby(&standby).await;
    owner.kill9().await;
    stage.feed(500).await;
    let killed = Instant::now();
    stage.drained().await;
    assert!(killed.elapsed() < TAKEOVER, "{:?}", killed.elapsed());

    let mut third = stage.start();
    until_standby(&third).await;
    standby.signal(Signal::SIGTERM);
    assert_eq!(standby.wait().await, Some(0), "{}", standby.said());
    stage.feed(500).await;
    stage.drained().await;
    third.signal(Signal::SIGTERM);
    assert_eq!(third.wait().await, Some(0), "{}", third.said());
    let connection = stage.rig.connect().await;
    let free = "select owner is null and lease_until is null and epoch = 3 from howdah.positions";
    until("the lease is given back", &connection, free).await;
    stage.holds().await;
}

#[tokio::test]
async fn an_owner_that_is_stopped_with_a_transaction_open_is_taken_over_and_stands_by() {
    let database = Cluster::shared().await.database().await;
    let mut stage = Stage::new(&database, 72).await;
    let mut owner = stage.start();
    stage.feed(100).await;
    stage.drained().await;
    let mut standby = stage.start();
    until_standby(&standby).await;
    // A batch waits for this lock, in its transaction; it is stopped there, and then has it.
    let connection = stage.rig.connect().await;
    connection.batch_execute("begin; lock table trades in access exclusive mode").await.unwrap();
    stage.feed(100).await;
    let waits = "select exists (select from pg_stat_activity where wait_event_type = 'Lock' \
                 and application_name = 'howdah run trades')";
    until("the batch waits", &stage.rig.connect().await, waits).await;
    owner.signal(Signal::SIGSTOP);
    connection.batch_execute("commit").await.unwrap();
    let stopped = Instant::now();
    stage.drained().await;
    assert!(stopped.elapsed() < TAKEOVER, "{:?}", stopped.elapsed());
    owner.signal(Signal::SIGCONT);
    stage.feed(100).await;
    until_standby(&owner).await;
    stage.drained().await;
    for running in [&mut owner, &mut standby] {
        running.signal(Signal::SIGTERM);
        assert_eq!(running.wait().await, Some(0), "{}", running.said());
    }
    stage.holds().await;
}

#[tokio::test]
async fn wherever_an_owner_is_stopped_the_other_goes_on_and_nothing_is_doubled() {
    let database = Cluster::shared().await.database().await;
    let mut stage = Stage::new(&database, 76).await;
    for step in ["after_copy", "before_position", "before_commit", "after_commit_sent"] {
        let failpoint = format!("writer.{step}=stop@2");
        let mut owner = stage.rig.start_with(RUN, &[("HOWDAH_FAILPOINTS", &failpoint)]);
        stage.owner().await;
        let mut standby = stage.start();
        until_standby(&standby).await;
        // The owner stops in one of these batches.
        for _ in 0..3 {
            stage.feed(60).await;
            stage.drained().await;
        }
        owner.signal(Signal::SIGCONT);
        until_standby(&owner).await;
        for running in [&mut owner, &mut standby] {
            running.signal(Signal::SIGTERM);
            assert_eq!(running.wait().await, Some(0), "{step}: {}", running.said());
        }
    }
    stage.holds().await;
}

#[tokio::test]
async fn an_owner_whose_heartbeat_fails_loses_its_shard_and_doubles_nothing() {
    let database = Cluster::shared().await.database().await;
    let mut stage = Stage::new(&database, 77).await;
    let mut owner = stage.rig.start_with(RUN, &[("HOWDAH_FAILPOINTS", "lease.renew=error")]);
    stage.feed(100).await;
    stage.drained().await;
    let mut standby = stage.start();
    let connection = stage.rig.connect().await;
    let taken = "select epoch > 1 from howdah.positions";
    until("the shard is taken over", &connection, taken).await;
    stage.feed(100).await;
    stage.drained().await;
    for running in [&mut owner, &mut standby] {
        assert!(running.runs(), "{}", running.said());
        running.signal(Signal::SIGTERM);
        assert_eq!(running.wait().await, Some(0), "{}", running.said());
    }
    stage.holds().await;
}

/// For `HOWDAH_RIVALS` seconds, 15 if that is not set; `make rivals` takes ten minutes.
#[tokio::test]
async fn processes_that_are_stopped_and_continued_at_random_double_nothing() {
    let database = Cluster::shared().await.database().await;
    let mut stage = Stage::new(&database, 73).await;
    let mut both = [stage.start(), stage.start()];
    let time = std::env::var("HOWDAH_RIVALS").map_or(15, |seconds| seconds.parse().unwrap());
    let (start, mut rounds) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_secs(time) {
        rounds += 1;
        let many = 100 + stage.dice.below(400);
        stage.feed(many).await;
        let which = usize::from(stage.dice.below(2) == 1);
        both[which].signal(Signal::SIGSTOP);
        tokio::time::sleep(Duration::from_millis(stage.dice.below(2_500))).await;
        stage.feed(50).await;
        both[which].signal(Signal::SIGCONT);
        tokio::time::sleep(Duration::from_millis(stage.dice.below(300))).await;
    }
    stage.drained().await;
    let owner = stage.owner().await;
    println!(
        "{time} s, seed {}, {rounds} stops, {} events, at the end (owner, epoch) {owner}: nothing \
         lost or doubled",
        stage.dice.seed(),
        stage.trades.len()
    );
    for running in &mut both {
        running.signal(Signal::SIGTERM);
        assert_eq!(running.wait().await, Some(0), "{}", running.said());
    }
    stage.holds().await;
}

#[tokio::test]
async fn once_waits_for_an_owner_that_ends_and_not_for_one_that_stays() {
    let database = Cluster::shared().await.database().await;
    let mut stage = Stage::new(&database, 74).await;
    let owner = stage.start();
    stage.feed(10).await;
    stage.drained().await;
    let refused = stage.rig.howdah(&["run", "--once", "--source", "trades"]).await;
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("HD0503"), "{}", refused.stderr);
    let mut once = stage.rig.start(&["run", "--once", "--source", "trades"]);
    until_standby(&once).await;
    owner.signal(Signal::SIGKILL);
    assert_eq!(once.wait().await, Some(0), "{}", once.said());
    stage.holds().await;
}

#[tokio::test]
async fn a_shard_that_fails_does_not_end_the_others() {
    let database = Cluster::shared().await.database().await;
    let redis = RedisServer::start(Persistence::None).await.unwrap();
    let rig = Rig::new(&database).with_redis(redis.url());
    write(&rig, &database, REDIS);
    rig.fine(&["apply"]).await;
    let client = redis::Client::open(redis.url()).unwrap();
    let mut feeder = client.get_multiplexed_async_connection().await.unwrap();
    let mut command = redis::cmd("SET");
    command.arg(&["postings", "no stream"]).exec_async(&mut feeder).await.unwrap();
    let running = rig.start(&["run"]);
    let mut dice = Cuts::new(75);
    let trade = Trade::roll(&mut dice, 1);
    while !running.said().contains("HD0501") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut add = redis::cmd("XADD");
    add.arg(&["trades", "*", "data", &trade.json()]).exec_async(&mut feeder).await.unwrap();
    let connection = rig.connect().await;
    let done =
        "select exists (select from howdah.positions where source = 'trades' and events = 1)";
    until("the other source goes on", &connection, done).await;
}
