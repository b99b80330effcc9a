//! A block of the campaign: servers, a system, its load, and the proof at the end.

use howdah_pg::Connection;
use howdah_testkit::{Cluster, ClusterOptions, Cuts, Matrix, Persistence, RedisServer, TcpProxy};

use super::fault::{Fault, SOURCES};
use super::judged::Judged;
use super::load::{Fed, connected, send};
use crate::market::{FILES, Fill, Posting, REDIS, counts, dead_letters, write};
use crate::rig::{Rig, Running, number};

/// A market under load.
pub struct Block {
    pub(super) cluster: Cluster,
    pub(super) redis: RedisServer,
    pub(super) proxy: TcpProxy,
    pub(super) rig: Rig,
    /// The howdah that runs all sources, when one does.
    pub(super) howdah: Option<Running>,
    pub(super) fed: Fed,
    /// What struck.
    pub struck: Matrix,
}

impl Block {
    /// A fresh market with an empty load.
    pub async fn start(dice: &mut Cuts) -> Self {
        let cluster = Cluster::start(ClusterOptions::default()).await;
        let database = cluster.database().await;
        let redis = RedisServer::start(Persistence::AofAlways).await.unwrap();
        let proxy = TcpProxy::start(cluster.port()).await;
        let rig =
            Rig::new(&database).with_redis(redis.url()).with_database_url(database.url_via(&proxy));
        write(&rig, &database, &format!("{FILES}{REDIS}"));
        // Small batches: many commits for a fault to strike.
        let system = std::fs::read_to_string(rig.path("howdah.toml")).unwrap();
        let system = system.replace("batch_rows = 50", "batch_rows = 15\nlease = \"1 s\"");
        rig.write("howdah.toml", system);
        rig.write("trades.ndjson", "");
        rig.write("fills.csv", format!("{}\n", Fill::HEADER));
        rig.fine(&["apply"]).await;
        let mut block = Self {
            cluster,
            redis,
            proxy,
            rig,
            howdah: None,
            fed: Fed::default(),
            struck: Matrix::default(),
        };
        block.fed.files(dice, &block.rig, 40);
        let entries = block.fed.entries(dice, 60);
        send(&block.redis.url(), &entries).await;
        block
    }

    /// One round: more events, and a fault that meets them.
    pub async fn round(&mut self, dice: &mut Cuts, fault: Fault) {
        match fault {
            Fault::At { step, action, source } => {
                self.failpoint(dice, step, action, source).await;
            }
            Fault::Refused { place, state, source } => {
                self.refuse(dice, place, state, source).await;
            }
            Fault::Cut(cut) => self.cut(dice, cut).await,
        }
    }

    /// Feeds all sources.
    pub(super) async fn feed_all(&mut self, dice: &mut Cuts) {
        self.fed.files(dice, &self.rig, 60);
        let entries = self.fed.entries(dice, 60);
        send(&self.redis.url(), &entries).await;
    }

    /// Feeds one source with at least so many events.
    pub(super) async fn feed(&mut self, dice: &mut Cuts, source: usize, events: u64) {
        match SOURCES[source].0 {
            "trades_file" | "fills_file" => self.fed.files(dice, &self.rig, events),
            key => {
                // Every third trade comes with a posting.
                let trades = if key == "postings" { 3 * events } else { events };
                let entries = self.fed.entries(dice, trades);
                send(&self.redis.url(), &entries).await;
            }
        }
    }

    /// How many events a source has to commit in all.
    pub(super) async fn fed_to(&self, source: usize) -> i64 {
        match SOURCES[source].0 {
            "trades_file" => self.fed.lines,
            "fills_file" => self.fed.expected.fills.len() as i64,
            key => self.entries(key).await,
        }
    }

    async fn entries(&self, key: &str) -> i64 {
        let mut redis = connected(&self.redis.url()).await.expect("Redis runs");
        redis::cmd("XLEN").arg(key).query_async(&mut redis).await.unwrap()
    }

    /// Ends the howdah that runs all sources.
    pub(super) async fn quiet(&mut self) {
        if let Some(mut howdah) = self.howdah.take() {
            howdah.kill9().await;
        }
    }

    /// Lets howdah come to the end of everything, and holds what is there against what was fed.
    /// Gives how many commits were found done after their reply was lost.
    pub async fn prove(&mut self) -> usize {
        self.quiet().await;
        self.rig.fine(&["run", "--once"]).await;
        let connection = self.rig.connect().await;
        let judged = self.judge().await;
        self.fed.expected.postings = judged.accepted;
        self.fed.expected.hold(&connection).await;
        self.hold_counts(&connection, judged.counts).await;
        self.rig.fine(&["verify"]).await;
        let log = self.rig.log();
        assert!(!log.contains("panicked"), "{log}");
        // Only a start into a dying database may fail; what runs waits for it.
        for error in log.lines().filter(|line| line.starts_with("error: ")) {
            assert!(error.ends_with("[HD0101]"), "{error}");
        }
        log.matches("already_committed=true").count()
    }

    async fn judge(&self) -> Judged {
        let mut redis = connected(&self.redis.url()).await.expect("Redis runs");
        let mut read = redis::cmd("XRANGE");
        let postings: Vec<(String, Vec<(String, String)>)> =
            read.arg("postings").arg("-").arg("+").query_async(&mut redis).await.unwrap();
        Judged::of(postings.iter().map(|(_, fields)| Posting::read(fields)).collect())
    }

    /// Positions and dead letters account for every event of every source.
    async fn hold_counts(&self, connection: &Connection, postings: [i64; 3]) {
        let expected = &self.fed.expected;
        let [events, rows, repeated, refused] = counts(connection, "postings").await;
        assert_eq!(rows, expected.postings.len() as i64, "postings");
        assert_eq!([events, repeated, refused], postings, "postings");
        let fills = expected.fills.len() as i64;
        assert_eq!(counts(connection, "fills_file").await, [fills, fills, 0, 0]);
        // A trade that came from both sources is a row of the one that was first.
        let file = counts(connection, "trades_file").await;
        let stream = counts(connection, "trades").await;
        assert_eq!([file[0], file[3]], [self.fed.lines, self.fed.broken]);
        assert_eq!([stream[0], stream[3]], [self.entries("trades").await, 0]);
        assert_eq!(file[1] + stream[1], expected.trades.len() as i64);
        assert_eq!(dead_letters(connection).await, self.fed.broken + refused);
        let letters = "select count(distinct (source, shard, position)) from howdah.dead_letters";
        assert_eq!(number(connection, letters).await, self.fed.broken + refused);
    }
}
