//! The proof at the end of a block: what is there equals what was fed, and every count adds up.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use howdah_pg::Connection;
use nix::sys::signal::Signal;

use super::block::Block;
use super::load::connected;
use super::places::stored;
use super::source::{Shape, Source};
use crate::market::{Posting, dead_letters};
use crate::rig::{PATIENCE, number, texts};

/// How often it is looked whether all has come to its end.
const LOOK: Duration = Duration::from_millis(5);

/// An entry of Redis: its id and its fields.
type Entry = (String, Vec<(String, String)>);

/// The verdicts on the entries of the Redis stream of postings.
struct Judged {
    /// Those that are rows.
    accepted: Vec<Posting>,
    /// Events, duplicates, dead letters.
    counts: [i64; 3],
}

impl Judged {
    /// What the check of balances makes of postings, one by one.
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

/// What a block found besides that it is right.
#[derive(Debug, Default, Clone, Copy)]
pub struct Found {
    /// Commits that were found done after their reply was lost.
    pub already: u64,
    /// Events that are stored.
    pub events: u64,
    /// Requests that are stored, and attempts beyond the first.
    pub requests: [u64; 2],
}

impl Block<'_> {
    /// Lets howdah come to the end of everything, and holds what is there against what was fed.
    pub async fn prove(&mut self) -> Found {
        self.quiet().await;
        self.shape(Shape::Many);
        self.answer_all().await;
        self.read_all().await;
        let connection = self.rig.connect().await;
        let postings = self.read("postings").await;
        let postings = postings.iter().map(|(_, fields)| Posting::read(fields)).collect();
        let judged = Judged::of(postings);
        self.fed.expected.postings = judged.accepted;
        let (orders, accepted, stored, repeated, wrong) = self.requests.told(|told| {
            let orders = std::mem::take(&mut told.orders);
            let wrong = std::mem::take(&mut told.wrong);
            (orders, told.accepted, told.stored, told.repeated, wrong)
        });
        assert!(wrong.is_empty(), "{wrong:#?}");
        self.fed.wanted.orders = orders;
        self.fed.expected.hold(&connection).await;
        self.fed.wanted.hold(&connection).await;
        assert_eq!(self::stored(&connection).await, self.beats, "beats");
        self.hold_counts(&connection, judged.counts, accepted).await;
        let kept = number(&connection, "select count(*) from howdah.http_requests").await;
        assert_eq!(kept, stored, "requests");
        self.rig.fine(&["verify"]).await;
        let log = self.rig.log();
        assert!(!log.contains("panicked"), "{log}");
        hold_log(&log);
        let events = "select sum(events)::bigint from howdah.positions";
        Found {
            already: log.matches("already_committed=true").count() as u64,
            events: number(&connection, events).await.cast_unsigned(),
            requests: [stored.cast_unsigned(), repeated],
        }
    }

    /// Lets every request come to its end.
    async fn answer_all(&mut self) {
        let mut howdah = self.rig.start(&["run", "--source", "orders", "--source", "trades_http"]);
        self.follow(&howdah);
        let start = Instant::now();
        // Before it listens it does not know what a signal means.
        while self.requests.open(None) > 0 || howdah.log().address().is_none() {
            assert!(start.elapsed() < PATIENCE, "no answer: {}", howdah.said());
            tokio::time::sleep(LOOK).await;
        }
        howdah.signal(Signal::SIGTERM);
        assert_eq!(howdah.wait().await, Some(0), "{}", howdah.said());
    }

    /// Lets every other source come to its end; tells what it waits for if it does not.
    async fn read_all(&mut self) {
        let mut howdah = self.rig.start(&["run", "--once"]);
        let start = Instant::now();
        while howdah.runs() && start.elapsed() < PATIENCE {
            tokio::time::sleep(LOOK).await;
        }
        if howdah.runs() {
            let admin = self.rig.connect().await;
            let sessions = "select pid, application_name, state, wait_event, xact_start, \
                            pg_blocking_pids(pid), left(query, 80) from pg_stat_activity \
                            where datname = current_database()";
            panic!("no end: {}\n{:#?}", howdah.said(), texts(&admin, sessions).await);
        }
        assert_eq!(howdah.wait().await, Some(0), "{}", howdah.said());
    }

    /// The entries of a Redis stream.
    async fn read(&self, key: &str) -> Vec<Entry> {
        let mut redis = connected(&self.arena.redis.url()).await.expect("Redis runs");
        let mut read = redis::cmd("XRANGE");
        read.arg(key).arg("-").arg("+").query_async(&mut redis).await.unwrap()
    }

    /// Positions and dead letters account for every event of every source.
    async fn hold_counts(&self, connection: &Connection, postings: [i64; 3], accepted: i64) {
        let counts = async |source: Source| all_counts(connection, source).await;
        let [events, rows, repeated, refused] = counts(Source::Fields).await;
        assert_eq!(rows, self.fed.expected.postings.len() as i64, "postings");
        assert_eq!([events, repeated, refused], postings, "postings");
        let fills = self.fed.expected.fills.len() as i64;
        assert_eq!(counts(Source::Records).await, [fills, fills, 0, 0]);
        let transfers = counts(Source::Legs).await;
        let broken = |(_, fields): &&Entry| fields[0].1.contains("much");
        let letters = self.read("transfers").await.iter().filter(broken).count() as i64;
        let stored = self.fed.wanted.transfers.len() as i64;
        assert_eq!([transfers[0], transfers[1]], [self.entries(&["transfers"]).await, stored]);
        assert_eq!(transfers[3], letters);
        for source in [Source::Json, Source::Shards, Source::Corrections] {
            let [events, _, _, refused] = counts(source).await;
            assert_eq!([events, refused], [self.entries(source.keys()).await, 0], "{source}");
        }
        let file = counts(Source::Lines).await;
        assert_eq!([file[0], file[3]], [self.fed.lines, self.fed.broken]);
        // A trade that came from several sources is a row of the one that was first.
        let mut trades = accepted;
        for source in [Source::Lines, Source::Stdin, Source::Json, Source::Shards] {
            trades += counts(source).await[1];
        }
        assert_eq!(trades, self.fed.expected.trades.len() as i64, "trades");
        let refused = self.fed.broken + refused + letters;
        assert_eq!(dead_letters(connection).await, refused);
        let letters = "select count(distinct (source, shard, position)) from howdah.dead_letters";
        assert_eq!(number(connection, letters).await, refused);
    }
}

/// Only a start into a dying or full database may fail, perhaps while it makes chunks ahead, and
/// standard input that was taken over; whatever else runs waits for it.
fn hold_log(log: &str) {
    for error in log.lines().filter(|line| line.starts_with("error: ")) {
        let known = ["[HD0101]", "[HD0503]", "[HD0504]"].iter().any(|code| error.ends_with(code));
        let at_start = error.starts_with("error: step \"chunk ") && error.ends_with("[HD0403]");
        assert!(known || at_start, "{error}");
    }
}

/// The counts of a source over all its shards: events, rows, duplicates, dead letters.
async fn all_counts(connection: &Connection, source: Source) -> [i64; 4] {
    let sql = "select coalesce(sum(events), 0)::bigint, coalesce(sum(rows), 0)::bigint, \
               coalesce(sum(duplicates), 0)::bigint, coalesce(sum(dead_letters), 0)::bigint \
               from howdah.positions where source = $1";
    let row = connection.query_one(sql, &[&source.name()]).await.unwrap();
    [0, 1, 2, 3].map(|column| row.get(column))
}
