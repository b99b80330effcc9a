//! A block of the campaign: a database of its own, its load, and rounds of faults.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use howdah_pg::Connection;
use howdah_testkit::{Cuts, Matrix};
use tokio::task::JoinHandle;

use super::arena::Arena;
use super::client::Manner;
use super::fault::Fault;
use super::load::{Fed, connected, send};
use super::requests::Requests;
use super::source::{Shape, Source};
use crate::market::Fill;
use crate::rig::{Rig, Running};

/// How long a round may wait before it goes on as it is: the proof at the end decides.
const ROUND: Duration = Duration::from_secs(8);
/// And one that strikes again and again.
pub const BRIEF: Duration = Duration::from_secs(3);
/// How often a round looks whether its state is reached.
const LOOK: Duration = Duration::from_millis(5);

/// A system under load.
pub struct Block<'a> {
    pub(super) arena: &'a mut Arena,
    pub(super) rig: Rig,
    /// How large batches are now.
    pub(super) shape: Shape,
    /// The howdah that runs all sources, when one does.
    pub(super) howdah: Option<Running>,
    pub(super) requests: Requests,
    pub(super) fed: Fed,
    /// What has to be in the stream that comes from the Redis that forgets.
    pub(super) beats: BTreeSet<i64>,
    pub(super) next_beat: i64,
    follower: Option<JoinHandle<()>>,
    /// What struck.
    pub struck: Matrix,
}

impl<'a> Block<'a> {
    /// An empty system with a first load.
    pub async fn start(arena: &'a mut Arena, dice: &mut Cuts) -> Self {
        let rig = arena.stage().await;
        rig.write("trades.ndjson", "");
        rig.write("fills.csv", format!("{}\n", Fill::HEADER));
        let requests = Requests::start(arena.door.port(), arena.secret.clone());
        let mut block = Self {
            arena,
            rig,
            shape: Shape::Few,
            howdah: None,
            requests,
            fed: Fed::default(),
            beats: BTreeSet::new(),
            next_beat: 0,
            follower: None,
            struck: Matrix::default(),
        };
        block.shape(Shape::Few);
        block.feed_all(dice).await;
        block
    }

    /// One round: more events, and a fault that meets them.
    pub async fn round(&mut self, dice: &mut Cuts, fault: Fault) {
        let (start, before) = (Instant::now(), self.struck.total());
        self.strike_with(dice, fault).await;
        if std::env::var_os("HOWDAH_ROUNDS").is_some() {
            let (struck, took) = (self.struck.total() - before, start.elapsed());
            println!("{took:>6.0?} {struck:>3} cuts, {}: {fault:?}", self.shape);
        }
    }

    async fn strike_with(&mut self, dice: &mut Cuts, fault: Fault) {
        let shape = *dice.pick(&Shape::ALL);
        match fault {
            Fault::Cut(cut) => return self.cut(dice, cut, shape).await,
            Fault::Forgotten { killed } => return self.forget(dice, killed).await,
            _ => {}
        }
        self.quiet().await;
        self.shape(shape);
        if fault.is_http() {
            // The shape is that of the requests.
            self.batch_rows(Shape::Many.batch_rows());
        }
        match fault {
            Fault::At { step, action, source } => self.failpoint(dice, step, action, source).await,
            Fault::Refused { place, state, source } => {
                self.refuse(dice, place, state, source).await;
            }
            Fault::Full { grows, source } => self.fill_up(dice, grows, source).await,
            Fault::Client { manner, source } => self.misbehave(dice, manner, source).await,
            Fault::Cut(_) | Fault::Forgotten { .. } => {}
        }
    }

    /// Batches from the next start on.
    pub(super) fn shape(&mut self, shape: Shape) {
        self.shape = shape;
        self.batch_rows(shape.batch_rows());
    }

    /// The most events of a transaction from the next start on.
    pub(super) fn batch_rows(&self, rows: u64) {
        let system = std::fs::read_to_string(self.rig.path("howdah.toml")).unwrap();
        let (before, rest) = system.split_once("[ingest]\n").unwrap();
        let (_, after) = rest.split_once("\n[streams").unwrap();
        let ingest = format!("batch_rows = {rows}\nlinger = \"5 ms\"\nlease = \"1 s\"\n");
        self.rig.write("howdah.toml", format!("{before}[ingest]\n{ingest}\n[streams{after}"));
    }

    /// Counts a strike.
    pub(super) fn strike(&mut self, fault: &str, step: &str, source: &str, times: u64) {
        self.struck.add(fault, step, source, &self.shape.to_string(), times);
    }

    /// Feeds all sources but standard input.
    pub(super) async fn feed_all(&mut self, dice: &mut Cuts) {
        // What is left of it is on the way of the rounds that follow.
        let many = self.shape.few().min(60);
        self.fed.lines(dice, &self.rig, many);
        self.fed.records(dice, &self.rig, many);
        let keys = ["trades", "postings", "east", "west", "transfers", "readings"];
        let entries = self.fed.entries(dice, &keys, many / 2);
        send(&self.arena.redis.url(), &entries).await;
        for source in [Source::HttpLines, Source::HttpCsv, Source::HttpJson] {
            let planned = self.fed.requests(dice, source, self.shape, 4, Manner::Plain);
            self.requests.plan(planned);
        }
    }

    /// Feeds one source with about so many events; gives what standard input is to be fed.
    pub(super) async fn feed(&mut self, dice: &mut Cuts, source: Source, many: u64) -> String {
        match source {
            Source::Lines => self.fed.lines(dice, &self.rig, many),
            Source::Records => self.fed.records(dice, &self.rig, many),
            Source::Stdin => return self.fed.trades(dice, many).join("\n") + "\n",
            Source::HttpLines | Source::HttpCsv | Source::HttpJson => {
                let requests = 4 + many / self.shape.of_request();
                let planned =
                    self.fed.requests(dice, source, self.shape, requests.min(60), Manner::Plain);
                self.requests.plan(planned);
            }
            _ => {
                let keys = source.keys();
                let entries = self.fed.entries(dice, keys, many / keys.len() as u64);
                send(&self.arena.redis.url(), &entries).await;
            }
        }
        String::new()
    }

    /// Starts a howdah on one source; its clients find it.
    pub(super) fn start_on(&mut self, source: Source, input: &str, failpoints: &str) -> Running {
        let name = source.name();
        let environment = [("HOWDAH_FAILPOINTS", failpoints)];
        if source == Source::Stdin {
            let run = ["run", "--once", "--source", name];
            return self.rig.start_fed(&run, &environment, input.to_owned());
        }
        let running = self.rig.start_with(&["run", "--source", name], &environment);
        if source.is_http() {
            self.follow(&running);
        }
        running
    }

    /// Lets HTTP clients find this process as soon as it listens.
    pub(super) fn follow(&mut self, running: &Running) {
        if let Some(before) = self.follower.take() {
            before.abort();
        }
        let (log, door) = (running.log(), Arc::clone(&self.arena.door));
        self.follower = Some(tokio::spawn(async move {
            loop {
                if let Some(address) = log.address() {
                    return door.retarget(address.port());
                }
                tokio::time::sleep(LOOK).await;
            }
        }));
    }

    /// Waits until the source is drained, or `seen` is true, which it gives.
    pub(super) async fn drained_or(
        &mut self,
        source: Source,
        howdah: &mut Running,
        seen: impl FnMut(&mut Running) -> bool,
    ) -> bool {
        self.drained_within(ROUND, source, howdah, seen).await
    }

    /// The same within some time.
    pub(super) async fn drained_within(
        &mut self,
        time: Duration,
        source: Source,
        howdah: &mut Running,
        mut seen: impl FnMut(&mut Running) -> bool,
    ) -> bool {
        let (connection, fed) = (self.rig.connect().await, self.fed_to(source).await);
        let start = Instant::now();
        while start.elapsed() < time {
            if seen(howdah) {
                return true;
            }
            let drained = match source {
                Source::Stdin => !howdah.runs(),
                source if source.is_http() => self.requests.open(source.path()) == 0,
                // A server that is going down has drained nothing.
                source => events(&connection, source).await.is_none_or(|events| events >= fed),
            };
            if drained {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        seen(howdah)
    }

    /// How many events a source has to commit in all.
    pub(super) async fn fed_to(&self, source: Source) -> i64 {
        match source {
            Source::Lines => self.fed.lines,
            Source::Records => self.fed.expected.fills.len() as i64,
            source => self.entries(source.keys()).await,
        }
    }

    /// Entries of Redis streams.
    pub(super) async fn entries(&self, keys: &[&str]) -> i64 {
        let mut redis = connected(&self.arena.redis.url()).await.expect("Redis runs");
        let mut all = 0;
        for key in keys {
            let mut length = redis::cmd("XLEN");
            all += length.arg(key).query_async::<i64>(&mut redis).await.unwrap();
        }
        all
    }

    /// Ends the howdah that runs all sources.
    pub(super) async fn quiet(&mut self) {
        if let Some(mut howdah) = self.howdah.take() {
            howdah.kill9().await;
        }
    }
}

impl Drop for Block<'_> {
    fn drop(&mut self) {
        if let Some(follower) = &self.follower {
            follower.abort();
        }
    }
}

/// Events that a source has committed; `None` when the server does not say.
pub async fn events(connection: &Connection, source: Source) -> Option<i64> {
    let sql = "select coalesce(sum(events), 0)::bigint from howdah.positions where source = $1";
    Some(connection.query_one(sql, &[&source.name()]).await.ok()?.get(0))
}
