//! The kill campaign: howdah, PostgreSQL and Redis die at random moments of a load, connections are
//! cut and replies are lost, and in the end everything equals the input exactly.
//!
//! `HOWDAH_SEED` gives another schedule, `HOWDAH_CAMPAIGNS` makes it so many times as long.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::time::{Duration, Instant};

use howdah_pg::Connection;
use howdah_testkit::{
    Cluster, ClusterOptions, Cuts, Persistence, RedisServer, TcpProxy, wait_until,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;

use crate::market::{Expected, FILES, Fill, Posting, REDIS, Trade, counts, dead_letters, write};
use crate::rig::{PATIENCE, Rig, Running, number};

/// Trades that Redis has beyond the committed ones at the beginning of a round.
const BACKLOG: u64 = 500;
/// The moment of a cut lies within this of the beginning of a round; a howdah that has to start
/// first gets more.
const LATEST: Duration = Duration::from_millis(150);
const START: Duration = Duration::from_millis(300);

/// What is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cut {
    /// SIGKILL to howdah.
    Howdah,
    /// SIGTERM to howdah: it drains.
    Drain,
    /// SIGKILL to the postmaster; its children follow.
    Postgres,
    /// SIGKILL to one of howdah's backends: the server restarts all.
    Backend,
    /// `pg_terminate_backend` of howdah's backends.
    Terminate,
    /// SIGKILL to Redis.
    Redis,
    /// All connections of howdah to PostgreSQL are cut.
    Connections,
    /// The reply of a commit is withheld and then lost.
    Reply,
    /// The reply of a commit is withheld, and howdah dies waiting for it.
    ReplyAndHowdah,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Howdah => "kill -9 of howdah",
            Self::Drain => "SIGTERM of howdah",
            Self::Postgres => "kill -9 of PostgreSQL",
            Self::Backend => "kill -9 of a backend",
            Self::Terminate => "backends terminated",
            Self::Redis => "kill -9 of Redis",
            Self::Connections => "connections cut",
            Self::Reply => "reply of a commit lost",
            Self::ReplyAndHowdah => "reply of a commit lost, howdah killed",
        })
    }
}

/// How often each is cut.
const CAMPAIGN: [(Cut, usize); 9] = [
    (Cut::Howdah, 70),
    (Cut::Drain, 5),
    (Cut::Postgres, 40),
    (Cut::Backend, 10),
    (Cut::Terminate, 10),
    (Cut::Redis, 40),
    (Cut::Connections, 15),
    (Cut::Reply, 20),
    (Cut::ReplyAndHowdah, 10),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_cuts_lose_and_double_nothing() {
    let start = Instant::now();
    let mut campaign = Campaign::start(Cuts::new(20_261_121)).await;
    let often = std::env::var("HOWDAH_CAMPAIGNS").map_or(1, |times| times.parse().unwrap());
    let mut cuts: Vec<Cut> =
        CAMPAIGN.iter().flat_map(|(cut, times)| std::iter::repeat_n(*cut, times * often)).collect();
    for place in (1..cuts.len()).rev() {
        cuts.swap(place, campaign.dice.below(place as u64 + 1) as usize);
    }
    let mut tally = BTreeMap::new();
    for cut in &cuts {
        campaign.round(*cut).await;
        *tally.entry(*cut).or_insert(0) += 1;
    }
    campaign.finish().await;
    println!("{} cuts, seed {}, {:.0?}:", cuts.len(), campaign.dice.seed(), start.elapsed());
    for (cut, times) in tally {
        println!("  {times:>3} {cut}");
    }
    println!("  {} of them while Redis held more than was committed", campaign.under_load);
    let log = campaign.rig.log();
    let lost = log.matches("already_committed=true").count();
    println!("  {lost} commits were found done after their reply was lost");
    println!("  {:?} trades and postings were fed twice", campaign.repeated);
    println!("  {} batches committed", log.matches("committed source").count());
}

/// A market under load.
struct Campaign {
    dice: Cuts,
    cluster: Cluster,
    redis: RedisServer,
    proxy: TcpProxy,
    rig: Rig,
    howdah: Running,
    fed: Expected,
    /// Lines of `trades.ndjson` that are no events.
    broken: i64,
    lines: i64,
    next_trade: u64,
    next_posting: u64,
    fed_to_redis: u64,
    /// Entries that Redis holds beyond those, because replies were lost: trades, postings.
    repeated: [i64; 2],
    /// Cuts before which not all that Redis held was committed.
    under_load: usize,
}

impl Campaign {
    async fn start(dice: Cuts) -> Self {
        let cluster = Cluster::start(ClusterOptions::default()).await;
        let database = cluster.database().await;
        let redis = RedisServer::start(Persistence::AofAlways).await.unwrap();
        let proxy = TcpProxy::start(cluster.port()).await;
        let rig =
            Rig::new(&database).with_redis(redis.url()).with_database_url(database.url_via(&proxy));
        write(&rig, &database, &format!("{FILES}{REDIS}"));
        // Small batches: many commits for a cut to hit.
        let system = std::fs::read_to_string(rig.path("howdah.toml")).unwrap();
        rig.write("howdah.toml", system.replace("batch_rows = 50", "batch_rows = 15"));
        rig.write("trades.ndjson", "");
        rig.write("fills.csv", format!("{}\n", Fill::HEADER));
        rig.fine(&["apply"]).await;
        let howdah = rig.start(&["run"]);
        let fed = Expected::default();
        Self {
            dice,
            cluster,
            redis,
            proxy,
            rig,
            howdah,
            fed,
            broken: 0,
            lines: 0,
            next_trade: 0,
            next_posting: 0,
            fed_to_redis: 0,
            repeated: [0; 2],
            under_load: 0,
        }
    }

    /// One round: more events, a cut at a random moment, and everything is up again.
    async fn round(&mut self, cut: Cut) {
        self.feed_files();
        let connection = self.rig.connect().await;
        // Redis dies while it is fed, so there has to be something to feed.
        let least = if cut == Cut::Redis { 200 } else { 0 };
        let entries = self.entries(&connection, least).await;
        let mut latest = LATEST;
        if !self.howdah.runs() {
            self.howdah = self.rig.start(&["run"]);
            latest += START;
        }
        let moment = self.dice.after(Duration::ZERO, latest);
        if cut == Cut::Redis {
            let url = self.redis.url();
            tokio::join!(feed(&url, &entries), async {
                tokio::time::sleep(moment / 10).await;
                self.redis.kill9().await;
                self.redis.restart().await.unwrap();
            });
            self.under_load += 1;
            return;
        }
        feed(&self.redis.url(), &entries).await;
        tokio::time::sleep(moment).await;
        let committed = counts(&connection, "trades").await[0].cast_unsigned();
        self.under_load += usize::from(committed < self.fed_to_redis);
        self.cut(cut).await;
    }

    async fn cut(&mut self, cut: Cut) {
        match cut {
            Cut::Howdah => self.howdah.kill9().await,
            Cut::Drain => {
                self.howdah.signal(Signal::SIGTERM);
                self.howdah.wait().await;
            }
            Cut::Postgres => {
                self.cluster.kill9().await;
                self.cluster.restart().await;
            }
            Cut::Backend => self.kill_backend().await,
            Cut::Terminate => {
                let sql = format!("select pg_terminate_backend(pid) from ({BACKENDS}) b");
                self.rig.connect().await.batch_execute(&sql).await.unwrap();
            }
            Cut::Redis => unreachable!("Redis is killed while it is fed"),
            Cut::Connections => self.proxy.cut(),
            Cut::Reply => {
                self.hold_commit().await;
                self.proxy.cut();
                self.proxy.hold_replies(false);
            }
            Cut::ReplyAndHowdah => {
                self.hold_commit().await;
                self.howdah.kill9().await;
                self.proxy.hold_replies(false);
            }
        }
    }

    /// Withholds the reply of a commit, or gives up when nothing is committed.
    async fn hold_commit(&self) {
        let before = self.proxy.held_bytes();
        self.proxy.hold_commits();
        for _ in 0..100 {
            if self.proxy.held_bytes() > before {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Kills one of howdah's backends, and waits until the server has restarted itself.
    async fn kill_backend(&self) {
        let connection = self.rig.connect().await;
        let Some(row) = connection.query_opt(&format!("{BACKENDS} limit 1"), &[]).await.unwrap()
        else {
            return;
        };
        // One that ended meanwhile needs no signal.
        let _ = kill(Pid::from_raw(row.get(0)), Signal::SIGKILL);
        let options = self.rig.database().clone();
        wait_until("the server is back", PATIENCE, || async {
            // The restart closes the old connection.
            connection.simple_query("select 1").await.is_err()
                && howdah_pg::connect(&options).await.is_ok()
        })
        .await;
    }

    fn feed_files(&mut self) {
        let dice = &mut self.dice;
        for _ in 0..40 {
            let trade = Trade::roll(dice, self.next_trade);
            self.next_trade += 1;
            self.rig.append("trades.ndjson", trade.json() + "\n");
            self.fed.trades.push(trade);
            let fill = Fill::roll(dice, self.fed.fills.len() as u64);
            self.rig.append("fills.csv", fill.row() + "\n");
            self.fed.fills.push(fill);
        }
        let again = dice.pick(&self.fed.trades).json();
        self.rig.append("trades.ndjson", format!("{again}\n{{\"exchange\": nonsense}}\n"));
        self.broken += 1;
        self.lines += 42;
    }

    /// The entries that Redis gets next: so many that a backlog is there, and at least so many.
    async fn entries(&mut self, connection: &Connection, least: u64) -> Vec<Entry> {
        let committed = counts(connection, "trades").await[0];
        let fed = self.fed_to_redis;
        let more = BACKLOG.saturating_sub(fed.saturating_sub(committed.cast_unsigned())).max(least);
        let mut entries = vec![];
        for n in 0..more {
            let trade = if n % 20 == 7 {
                self.dice.pick(&self.fed.trades).clone()
            } else {
                let trade = Trade::roll(&mut self.dice, self.next_trade);
                self.next_trade += 1;
                self.fed.trades.push(trade.clone());
                trade
            };
            entries.push(("trades", vec![("data", trade.json())]));
            if n % 3 == 0 {
                let posting = Posting::roll(&mut self.dice, self.next_posting);
                self.next_posting += 1;
                entries.push(("postings", posting.fields().to_vec()));
            }
        }
        self.fed_to_redis += more;
        entries
    }

    /// Lets howdah come to the end of everything, and holds what is there against what was fed.
    async fn finish(&mut self) {
        self.howdah.kill9().await;
        self.rig.fine(&["run", "--once"]).await;
        let mut redis = connected(&self.redis.url()).await.expect("Redis runs");
        let entries: i64 = redis::cmd("XLEN").arg("trades").query_async(&mut redis).await.unwrap();
        let mut read = redis::cmd("XRANGE");
        let postings: Vec<(String, Vec<(String, String)>)> =
            read.arg("postings").arg("-").arg("+").query_async(&mut redis).await.unwrap();
        let postings = postings.iter().map(|(_, fields)| Posting::read(fields)).collect();
        let judged = Judged::of(postings);
        self.fed.postings = judged.accepted;

        let connection = self.rig.connect().await;
        self.fed.hold(&connection).await;
        let [events, rows, repeated, refused] = counts(&connection, "postings").await;
        let accepted = self.fed.postings.len() as i64;
        assert_eq!(rows, accepted, "postings");
        assert_eq!([events, repeated, refused], judged.counts, "postings");
        let fills = self.fed.fills.len() as i64;
        assert_eq!(counts(&connection, "fills_file").await, [fills, fills, 0, 0]);
        // A trade that came from both sources is a row of the one that was first.
        let file = counts(&connection, "trades_file").await;
        let stream = counts(&connection, "trades").await;
        assert_eq!([file[0], file[3]], [self.lines, self.broken]);
        assert_eq!([stream[0], stream[3]], [entries, 0]);
        assert_eq!(file[1] + stream[1], self.fed.trades.len() as i64);
        assert_eq!(dead_letters(&connection).await, self.broken + refused);
        let letters = "select count(distinct (source, shard, position)) from howdah.dead_letters";
        assert_eq!(number(&connection, letters).await, self.broken + refused);
        self.rig.fine(&["verify"]).await;
        let log = self.rig.log();
        assert!(!log.contains("panicked"), "{log}");
        // Only a start into a dying database may fail; what runs waits for it.
        for error in log.lines().filter(|line| line.starts_with("error: ")) {
            assert!(error.ends_with("[HD0101]"), "{error}");
        }
        self.repeated =
            [entries - self.fed_to_redis as i64, judged.counts[0] - self.next_posting as i64];
    }
}

/// Process numbers of howdah's backends that ingest.
const BACKENDS: &str = "select pid from pg_stat_activity \
     where application_name like 'howdah run %' and datname = current_database()";

/// An entry of a Redis stream: its key, and field names and values.
type Entry = (&'static str, Vec<(&'static str, String)>);

async fn connected(url: &str) -> Option<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new().set_response_timeout(Some(PATIENCE));
    let client = redis::Client::open(url).unwrap();
    client.get_multiplexed_async_connection_with_config(&config).await.ok()
}

/// Adds entries in their order; those whose reply is lost are added once more.
async fn feed(url: &str, entries: &[Entry]) {
    let start = Instant::now();
    for some in entries.chunks(25) {
        let mut pipe = redis::pipe();
        for (key, fields) in some {
            pipe.cmd("XADD").arg(key).arg("*").arg(fields).ignore();
        }
        loop {
            assert!(start.elapsed() < PATIENCE, "Redis does not come back");
            if let Some(mut connection) = connected(url).await
                && pipe.query_async::<()>(&mut connection).await.is_ok()
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// What the check of balances makes of postings in their order.
struct Judged {
    accepted: Vec<Posting>,
    /// Events, duplicates, dead letters.
    counts: [i64; 3],
}

impl Judged {
    fn of(postings: Vec<Posting>) -> Self {
        let mut balances: HashMap<(u64, u64), i64> = HashMap::new();
        let mut known = HashSet::new();
        let mut judged = Self { accepted: vec![], counts: [postings.len() as i64, 0, 0] };
        for posting in postings {
            let balance = balances.entry((posting.desk, posting.account)).or_default();
            if known.contains(&posting.id) {
                judged.counts[1] += 1;
            } else if *balance + posting.cents < -10_000 {
                judged.counts[2] += 1;
            } else {
                *balance += posting.cents;
                known.insert(posting.id);
                judged.accepted.push(posting);
            }
        }
        judged
    }
}
