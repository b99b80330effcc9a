//! Blocks of old events: folding, merging, thawing and the other jobs of upkeep are cut at every
//! step while late and repeated events come in.
//!
//! A block has a stream of a winter, chunk by day, of which everything is old enough to be folded.
//! In each round late events come: new ones, and some that are there already. One process takes
//! them in, another does the upkeep, and one of the two is cut. At every moment the history holds
//! what was committed; at the end it equals the model, also when all of it is put back.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use howdah_pg::Connection;
use howdah_testkit::{Cuts, Matrix};
use nix::sys::signal::Signal;

use super::arena::Arena;
use super::source::Shape;
use crate::market::{copy, rfc3339, shuffled};
use crate::rig::{Rig, Running, number, same_rows};
use crate::upkeep::STEPS;

/// 2026-01-01 00:00 UTC, in ms since 1970.
const START_MS: u64 = 1_767_225_600_000;
/// The days over which events come.
const DAYS: u64 = 24;
/// What a matrix says of a cut that strikes at any step.
const ANY: &str = "any moment";
/// How the columns of the matrix are called.
const UPKEEP: &str = "upkeep";
const LATE: &str = "late events";
/// How long a round may wait before it goes on as it is: the proof at the end decides.
const ROUND: Duration = Duration::from_secs(20);
/// How often a round looks whether its state is reached.
const LOOK: Duration = Duration::from_millis(5);
/// The moment of a cut lies within this of the beginning of a round.
const LATEST: Duration = Duration::from_millis(700);

/// Those of a batch of late events, which puts segments back before it writes.
const WRITER: [&str; 7] = [
    "writer.begin",
    "writer.before_copy",
    "writer.after_copy",
    "writer.before_fold",
    "writer.before_position",
    "writer.before_commit",
    "writer.after_commit_sent",
];

/// What a round strikes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strike {
    /// SIGKILL at a step of upkeep.
    Kill(&'static str),
    /// SIGSTOP there; another process takes the upkeep, then SIGCONT.
    Stop(&'static str),
    /// An error there as of a broken connection, each second time.
    Error(&'static str),
    /// SIGKILL to the writer of late events at one of its steps.
    Writer(&'static str),
    /// SIGKILL to the upkeep.
    Process,
    /// SIGKILL to the upkeep and to the writer.
    Both,
    /// SIGKILL to the postmaster.
    Postgres,
    /// The backends of upkeep are terminated.
    Terminate,
    /// All connections are cut.
    Connections,
    /// All processes of the server are stopped for a while.
    Frozen,
    /// Events are put back by `history restore`, which is killed before its commit.
    Restore,
}

impl Strike {
    fn all() -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for step in STEPS {
            all.extend([Self::Kill(step), Self::Stop(step), Self::Error(step)]);
        }
        all.extend(WRITER.map(Self::Writer));
        for _ in 0..3 {
            all.extend([Self::Process, Self::Both, Self::Terminate, Self::Connections]);
        }
        all.extend([Self::Postgres, Self::Frozen, Self::Restore]);
        all
    }

    /// The fault in the matrix.
    fn name(self) -> &'static str {
        match self {
            Self::Kill(_) => "upkeep killed",
            Self::Stop(_) => "upkeep stopped, another goes on, continued",
            Self::Error(_) => "upkeep: connection broken",
            Self::Writer(_) => "writer of late events killed",
            Self::Process => "kill -9 of upkeep",
            Self::Both => "kill -9 of upkeep and writer",
            Self::Postgres => "kill -9 of PostgreSQL in upkeep",
            Self::Terminate => "backends of upkeep terminated",
            Self::Connections => "connections of upkeep cut",
            Self::Frozen => "PostgreSQL stopped in upkeep",
            Self::Restore => "restore killed",
        }
    }

    fn step(self) -> &'static str {
        match self {
            Self::Kill(step) | Self::Stop(step) | Self::Error(step) | Self::Writer(step) => step,
            Self::Restore => "history.restored",
            _ => ANY,
        }
    }

    fn column(self) -> &'static str {
        if matches!(self, Self::Writer(_)) { LATE } else { UPKEEP }
    }
}

/// A system of old events.
pub struct Aged<'a> {
    arena: &'a mut Arena,
    rig: Rig,
    connection: Connection,
    /// What should be there: by key, the value and the kind of whichever came first.
    wanted: BTreeMap<(u64, u64), (u64, u64)>,
    next: u64,
    /// What struck.
    pub struck: Matrix,
}

impl<'a> Aged<'a> {
    /// A system with some events of each day.
    pub async fn start(arena: &'a mut Arena, dice: &mut Cuts) -> Self {
        let rig = arena.stage_aged().await;
        let connection = rig.connect().await;
        let mut block = Self {
            arena,
            rig,
            connection,
            wanted: BTreeMap::new(),
            next: 0,
            struck: Matrix::default(),
        };
        block.rig.write("e.ndjson", "");
        block.feed(dice, 400);
        block.rig.fine(&["run", "--once"]).await;
        block
    }

    /// Appends events to the file: new ones of all days, and one in five that is there already,
    /// perhaps with another value.
    fn feed(&mut self, dice: &mut Cuts, many: u64) {
        let mut lines = String::new();
        for n in 0..many {
            let known = self.wanted.len() as u64;
            let key = if n % 5 == 4 && known > 0 {
                let place = dice.below(known) as usize;
                *self.wanted.keys().nth(place).expect("one of those that are there")
            } else {
                self.next += 1;
                (self.next, START_MS + dice.below(DAYS * 86_400) * 1_000)
            };
            let (value, kind) = (dice.below(100_000), dice.below(3));
            self.wanted.entry(key).or_insert((value, kind));
            let (id, at) = (key.0, rfc3339(key.1));
            lines += &format!(
                "{{\"id\":{id},\"at\":\"{at}\",\"kind\":\"k{kind}\",\"value\":\"{value}.25\"}}\n"
            );
        }
        self.rig.append("e.ndjson", lines);
    }

    /// Strikes of a block, in an order of its own.
    pub fn strikes(dice: &mut Cuts, many: usize) -> Vec<Strike> {
        let mut all = shuffled(dice, &Strike::all());
        all.truncate(many);
        all
    }

    /// One round: late events, upkeep, and a cut.
    pub async fn round(&mut self, dice: &mut Cuts, strike: Strike) {
        let start = Instant::now();
        let shape = *dice.pick(&Shape::ALL);
        let system = self.arena.aged_system(shape.batch_rows());
        self.rig.write("howdah.toml", system);
        self.feed(dice, shape.few().min(150));
        if strike.step() == "upkeep.chunk" {
            self.drop_newest().await;
        }
        let times = self.strike(dice, strike).await;
        self.struck.add(strike.name(), strike.step(), strike.column(), &shape.to_string(), times);
        self.look().await;
        if std::env::var_os("HOWDAH_ROUNDS").is_some() {
            println!("{:>6.0?} {times:>3} cuts: {strike:?}", start.elapsed());
        }
    }

    /// Strikes; how often it did.
    async fn strike(&mut self, dice: &mut Cuts, strike: Strike) -> u64 {
        // Some steps are come by once in a pass.
        let once = ["upkeep.taken", "upkeep.chunk", "upkeep.renew"].contains(&strike.step());
        let nth = 1 + dice.below(if once { 1 } else { 2 });
        match strike {
            Strike::Writer(step) => return self.writer(step, nth).await,
            Strike::Restore => return self.restore().await,
            Strike::Kill(step) => {
                let mut writer = self.rig.start(&["run", "--once"]);
                let mut upkeep = self.upkeep(&format!("{step}=kill@{nth}"), step);
                let killed = ended(&mut upkeep).await && upkeep.wait().await.is_none();
                finish(&mut upkeep).await;
                finish(&mut writer).await;
                return u64::from(killed);
            }
            Strike::Stop(step) => return self.stop(step, nth).await,
            Strike::Error(step) => {
                let mut writer = self.rig.start(&["run", "--once"]);
                let mut upkeep = self.upkeep(&format!("{step}=error%2"), step);
                finish(&mut upkeep).await;
                finish(&mut writer).await;
                let said = upkeep.said().replace('\\', "");
                return said.matches(&format!("the failpoint \"{step}\" broke")).count() as u64;
            }
            _ => {}
        }
        let mut writer = self.rig.start(&["run", "--once"]);
        let mut upkeep = self.upkeep("", "");
        tokio::time::sleep(dice.after(Duration::ZERO, LATEST)).await;
        let struck = self.cut(dice, strike, (&mut upkeep, &mut writer)).await;
        finish(&mut upkeep).await;
        finish(&mut writer).await;
        u64::from(struck)
    }

    async fn cut(
        &mut self,
        dice: &mut Cuts,
        strike: Strike,
        (upkeep, writer): (&mut Running, &mut Running),
    ) -> bool {
        let ran = upkeep.runs();
        match strike {
            Strike::Process => upkeep.kill9().await,
            Strike::Both => {
                upkeep.kill9().await;
                writer.kill9().await;
            }
            Strike::Postgres => {
                self.arena.cluster.kill9().await;
                self.arena.cluster.restart().await;
                self.connection = self.rig.connect().await;
            }
            Strike::Terminate => {
                let sql = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
                           where datname = current_database() \
                           and application_name like 'howdah upkeep%'";
                return number(&self.connection, sql).await > 0;
            }
            Strike::Connections => self.arena.proxy.cut(),
            Strike::Frozen => {
                self.arena.cluster.pause();
                tokio::time::sleep(dice.after(Duration::ZERO, LATEST)).await;
                self.arena.cluster.resume();
            }
            _ => unreachable!("struck elsewhere"),
        }
        ran
    }

    /// A pass of upkeep with a failpoint.
    fn upkeep(&self, armed: &str, step: &str) -> Running {
        // A lease is renewed in time: something has to last.
        let slow = if step == "upkeep.renew" { ";upkeep.noted=sleep:300" } else { "" };
        let armed = format!("{armed}{slow}");
        self.rig.start_with(&["upkeep", "--once"], &[("HOWDAH_FAILPOINTS", &armed)])
    }

    /// Upkeep is stopped at a step while another process takes over and comes to its end; then it
    /// may go on.
    async fn stop(&mut self, step: &'static str, nth: u64) -> u64 {
        let mut first = self.upkeep(&format!("{step}=stop@{nth}"), step);
        let start = Instant::now();
        while first.runs() && !first.is_stopped() && start.elapsed() < ROUND {
            tokio::time::sleep(LOOK).await;
        }
        let stopped = first.is_stopped();
        if stopped {
            let mut second = self.rig.start(&["upkeep", "--once"]);
            let mut writer = self.rig.start(&["run", "--once"]);
            assert_eq!(second.wait().await, Some(0), "{}", second.said());
            assert_eq!(writer.wait().await, Some(0), "{}", writer.said());
            first.signal(Signal::SIGCONT);
        }
        finish(&mut first).await;
        u64::from(stopped)
    }

    /// The writer of late events is killed while upkeep works beside it.
    async fn writer(&mut self, step: &'static str, nth: u64) -> u64 {
        let mut upkeep = self.upkeep("", "");
        let armed = format!("{step}=kill@{nth}");
        let mut writer = self.rig.start_with(&["run", "--once"], &[("HOWDAH_FAILPOINTS", &armed)]);
        let killed = ended(&mut writer).await && writer.wait().await.is_none();
        finish(&mut writer).await;
        finish(&mut upkeep).await;
        u64::from(killed)
    }

    /// Everything that is folded is put back, and the process that does it is killed.
    async fn restore(&mut self) -> u64 {
        self.rig.fine(&["run", "--once"]).await;
        self.rig.fine(&["upkeep", "--once"]).await;
        let armed = [("HOWDAH_FAILPOINTS", "history.restored=kill@2")];
        let mut restore = self.rig.start_with(&["history", "restore", "events"], &armed);
        u64::from(restore.wait().await.is_none())
    }

    /// Lets the job that makes chunks have one to make.
    async fn drop_newest(&self) {
        let sql = "do $$ begin execute 'drop table ' || (select max(inhrelid::regclass::text) from \
                   pg_inherits where inhparent = 'events'::regclass \
                   and inhrelid::regclass::text > 'howdah_chunks.events_2026040'); end $$";
        self.connection.batch_execute(sql).await.unwrap();
    }

    /// What is committed is there once, in the chunks or in segments.
    async fn look(&self) {
        let there = "select exists (select from pg_class where relname = 'events_history')";
        let there: bool = self.connection.query_one(there, &[]).await.unwrap().get(0);
        let from = if there { "events_history" } else { "events" };
        let sql = format!(
            "select (select count(*) from {from}), (select count(distinct (id, at)) from {from}), \
             (select coalesce(sum(rows), 0)::bigint from howdah.positions)"
        );
        let row = self.connection.query_one(&sql, &[]).await.unwrap();
        let [rows, keys, committed] = [0, 1, 2].map(|at| row.get::<_, i64>(at));
        assert_eq!((rows, keys), (committed, committed));
    }

    /// Lets everything come to its end, and holds it against the model; gives how many events.
    pub async fn prove(&mut self) -> u64 {
        self.rig.fine(&["run", "--once"]).await;
        self.rig.fine(&["upkeep", "--once"]).await;
        let make = "drop table if exists wanted; create table wanted as select id, at, kind, value \
                    from events limit 0";
        self.connection.batch_execute(make).await.unwrap();
        let rows = self
            .wanted
            .iter()
            .map(|((id, at), (value, kind))| format!("{id},{},k{kind},{value}.25", rfc3339(*at)));
        copy(&self.connection, "wanted", rows).await;
        let (found, wanted) =
            ("select id, at, kind, value from", "select id, at, kind, value from wanted");
        same_rows(&self.connection, "history", &format!("{found} events_history"), wanted).await;
        let left = "select count(*) from events";
        assert_eq!(number(&self.connection, left).await, 0, "everything is folded");
        let totals = "select kind, bucket, sum, events, latest from totals_1h";
        let model = "select kind, date_trunc('hour', at), sum(value), count(*), \
                     (array_agg(value order by at desc, id desc))[1] from wanted group by 1, 2";
        same_rows(&self.connection, "totals", totals, model).await;
        self.rig.fine(&["verify"]).await;
        self.rig.fine(&["history", "restore", "events"]).await;
        same_rows(&self.connection, "restored", &format!("{found} events"), wanted).await;
        let log = self.rig.log();
        assert!(!log.contains("panicked"), "{log}");
        assert!(!log.contains("a rollup is not right"), "{log}");
        self.wanted.len() as u64
    }
}

/// Waits for the end of a command, but not for ever; whether it has ended.
async fn ended(running: &mut Running) -> bool {
    let start = Instant::now();
    while running.runs() {
        if start.elapsed() > ROUND {
            return false;
        }
        tokio::time::sleep(LOOK).await;
    }
    true
}

/// Ends a command that should end by itself.
async fn finish(running: &mut Running) {
    if !ended(running).await {
        running.kill9().await;
    }
}
