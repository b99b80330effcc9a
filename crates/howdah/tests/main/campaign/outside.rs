//! Rounds of faults outside of howdah, or of howdah as a whole, at a random moment of a load.

use std::time::Duration;

use howdah_pg::Connection;
use howdah_testkit::{Cuts, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::block::{Block, events};
use super::fault::Cut;
use super::load::send;
use super::source::{Shape, Source};
use crate::rig::{PATIENCE, Running};

/// The moment of a cut lies within this of the beginning of a round; a howdah that has to start
/// first gets more.
const LATEST: Duration = Duration::from_millis(150);
const START: Duration = Duration::from_millis(400);
/// A clock is never further from the machine's than this.
const FAR: u64 = 7_200;
/// What a matrix says of a cut that strikes at any step.
const ANY: &str = "any moment";
/// All sources run.
const ALL: &str = "all sources";
/// All sources of requests are served.
const ALL_HTTP: &str = "all HTTP";

/// Process numbers of howdah's backends that ingest.
const BACKENDS: &str = "select pid from pg_stat_activity where datname = current_database() \
     and (application_name like 'howdah run %' or application_name like 'howdah http %')";

impl Block<'_> {
    /// All sources run, and something is cut.
    pub(super) async fn cut(&mut self, dice: &mut Cuts, cut: Cut, shape: Shape) {
        let mut latest = LATEST;
        if !self.howdah.as_mut().is_some_and(Running::runs) {
            self.shape(shape);
            let howdah = self.rig.start(&["run"]);
            self.follow(&howdah);
            self.howdah = Some(howdah);
            latest += START;
        }
        if cut != Cut::Redis {
            self.feed_all(dice).await;
        }
        let fault = if cut == Cut::Redis {
            self.kill_redis(dice).await;
            Some(cut.to_string())
        } else {
            tokio::time::sleep(dice.after(Duration::ZERO, latest)).await;
            self.cut_now(dice, cut).await
        };
        if let Some(fault) = fault {
            let one = Source::Json.to_string();
            let source = match cut {
                Cut::StoppedClock => &one,
                Cut::Clients | Cut::Answers | Cut::AnswersAndHowdah => ALL_HTTP,
                _ => ALL,
            };
            self.strike(&fault, ANY, source, 1);
        }
    }

    /// Redis dies while it is fed.
    async fn kill_redis(&mut self, dice: &mut Cuts) {
        let keys = ["trades", "postings", "east", "transfers"];
        let (entries, url) = (self.fed.entries(dice, &keys, 100), self.arena.redis.url());
        let moment = dice.after(Duration::ZERO, LATEST / 10);
        tokio::join!(send(&url, &entries), async {
            tokio::time::sleep(moment).await;
            self.arena.redis.kill9().await;
            self.arena.redis.restart().await.unwrap();
        });
    }

    /// Strikes; what it struck with, if it did.
    async fn cut_now(&mut self, dice: &mut Cuts, cut: Cut) -> Option<String> {
        let howdah = self.howdah.as_mut().expect("howdah runs");
        match cut {
            Cut::Howdah => howdah.kill9().await,
            Cut::Drain => {
                howdah.signal(Signal::SIGTERM);
                howdah.wait().await;
            }
            Cut::Postgres => {
                self.arena.cluster.kill9().await;
                self.arena.cluster.restart().await;
            }
            Cut::Immediate => {
                self.arena.cluster.stop_immediate().await;
                self.arena.cluster.restart().await;
            }
            Cut::Backend => return self.kill_backend().await.then(|| cut.to_string()),
            Cut::Terminate => {
                let sql = format!("select count(pg_terminate_backend(pid)) from ({BACKENDS}) b");
                let connection = self.rig.connect().await;
                self.backend(&connection).await?;
                let ended = connection.query_one(&sql, &[]).await.unwrap();
                return (ended.get::<_, i64>(0) > 0).then(|| cut.to_string());
            }
            Cut::Frozen => {
                self.arena.cluster.pause();
                tokio::time::sleep(dice.after(Duration::ZERO, LATEST)).await;
                self.arena.cluster.resume();
            }
            Cut::Connections => self.arena.proxy.cut(),
            Cut::Reply | Cut::ReplyAndHowdah => {
                let held = self.hold_commit().await;
                if cut == Cut::Reply {
                    self.arena.proxy.cut();
                } else {
                    self.quiet().await;
                }
                self.arena.proxy.hold_replies(false);
                return held.then(|| cut.to_string());
            }
            Cut::Rivals => self.rival(dice).await,
            Cut::Clients => self.arena.door.cut(),
            Cut::Answers | Cut::AnswersAndHowdah => {
                let held = self.hold_answers().await;
                if cut == Cut::AnswersAndHowdah {
                    self.quiet().await;
                }
                self.arena.door.cut();
                self.arena.door.hold_replies(false);
                return held.then(|| cut.to_string());
            }
            Cut::ServerClock => return self.jump_of_server(dice).await,
            Cut::HowdahClock => return self.jump_of_howdah(dice).await,
            Cut::StoppedClock => return self.set_back(dice).await,
            Cut::Redis => unreachable!("Redis is killed while it is fed"),
        }
        Some(cut.to_string())
    }

    /// A second howdah comes; both are stopped and go on at random, then one is killed.
    async fn rival(&mut self, dice: &mut Cuts) {
        let rival = self.rig.start(&["run"]);
        for _ in 0..3 {
            self.feed_all(dice).await;
            let howdah = self.howdah.as_ref().expect("howdah runs");
            let stopped = *dice.pick(&[howdah, &rival]);
            stopped.signal(Signal::SIGSTOP);
            tokio::time::sleep(dice.after(Duration::ZERO, Duration::from_secs(2))).await;
            stopped.signal(Signal::SIGCONT);
            tokio::time::sleep(dice.after(Duration::ZERO, LATEST)).await;
        }
        self.keep_one(dice, rival).await;
    }

    /// Of two howdahs one is killed.
    async fn keep_one(&mut self, dice: &mut Cuts, mut rival: Running) {
        if dice.below(2) == 0 {
            rival.kill9().await;
        } else {
            self.quiet().await;
            self.follow(&rival);
            self.howdah = Some(rival);
        }
    }

    /// The clock of howdah jumps, and jumps again, while one works and another waits for its
    /// shards.
    async fn jump_of_howdah(&mut self, dice: &mut Cuts) -> Option<String> {
        let rival = self.rig.start(&["run"]);
        for _ in 0..2 {
            self.arena.howdah_clock.as_ref()?.set(somewhere(dice));
            self.feed_all(dice).await;
            tokio::time::sleep(dice.after(Duration::ZERO, LATEST * 2)).await;
        }
        self.keep_one(dice, rival).await;
        Some(Cut::HowdahClock.to_string())
    }

    /// The same with the clock of the server.
    async fn jump_of_server(&mut self, dice: &mut Cuts) -> Option<String> {
        let clock = self.arena.server_clock.as_ref()?;
        clock.set(0);
        let environment = clock.server_environment();
        self.arena.cluster.restart_under(environment).await;
        let rival = self.rig.start(&["run"]);
        for _ in 0..2 {
            self.feed_all(dice).await;
            tokio::time::sleep(dice.after(Duration::ZERO, LATEST * 2)).await;
            self.arena.server_clock.as_ref()?.set(somewhere(dice));
        }
        self.feed_all(dice).await;
        tokio::time::sleep(dice.after(LATEST, LATEST * 3)).await;
        self.keep_one(dice, rival).await;
        // Back to the time of the machine, which is one more jump.
        self.arena.cluster.restart_under(Vec::new()).await;
        Some(Cut::ServerClock.to_string())
    }

    /// The owner of a shard is stopped, and the server's clock set back by hours: another howdah
    /// comes to the end of the source all the same. Requests are left out: a stopped process that
    /// holds a transaction of theirs is ended by a timeout, which a clock puts off.
    async fn set_back(&mut self, dice: &mut Cuts) -> Option<String> {
        self.quiet().await;
        let (source, far) = (Source::Json, FAR.cast_signed());
        let clock = self.arena.server_clock.as_ref()?;
        clock.set(far);
        let environment = clock.server_environment();
        self.arena.cluster.restart_under(environment).await;
        self.feed(dice, source, 20).await;
        let mut howdah = self.start_on(source, "", "");
        self.drained_or(source, &mut howdah, |_| false).await;
        howdah.signal(Signal::SIGSTOP);
        self.arena.server_clock.as_ref()?.set(-far);
        let mut rival = self.start_on(source, "", "");
        self.feed(dice, source, 20).await;
        let (connection, fed) = (self.rig.connect().await, self.fed_to(source).await);
        wait_until("another takes over", PATIENCE, || async {
            events(&connection, source).await.is_some_and(|events| events >= fed)
        })
        .await;
        howdah.signal(Signal::SIGCONT);
        tokio::time::sleep(dice.after(Duration::ZERO, LATEST)).await;
        assert!(rival.runs(), "{}", rival.said());
        howdah.kill9().await;
        rival.kill9().await;
        self.arena.cluster.restart_under(Vec::new()).await;
        Some(Cut::StoppedClock.to_string())
    }

    /// Withholds the reply of a commit, or gives up when nothing is committed.
    async fn hold_commit(&self) -> bool {
        let before = self.arena.proxy.held_bytes();
        self.arena.proxy.hold_commits();
        for _ in 0..300 {
            if self.arena.proxy.held_bytes() > before {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        false
    }

    /// Withholds the answers to HTTP clients, or gives up when there are none.
    async fn hold_answers(&self) -> bool {
        let before = self.arena.door.held_bytes();
        self.arena.door.hold_replies(true);
        for _ in 0..300 {
            if self.arena.door.held_bytes() > before {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        false
    }

    /// One of howdah's backends, as soon as there is one.
    async fn backend(&self, connection: &Connection) -> Option<i32> {
        for _ in 0..300 {
            let found = connection.query_opt(&format!("{BACKENDS} limit 1"), &[]).await.unwrap();
            if found.is_some() {
                return found.map(|row| row.get(0));
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        None
    }

    /// Kills one of howdah's backends, and waits until the server has restarted itself; whether
    /// there was one.
    async fn kill_backend(&self) -> bool {
        let connection = self.rig.connect().await;
        let Some(backend) = self.backend(&connection).await else { return false };
        // One that ended meanwhile needs no signal.
        if kill(Pid::from_raw(backend), Signal::SIGKILL).is_err() {
            return false;
        }
        let options = self.rig.database().clone();
        wait_until("the server is back", PATIENCE, || async {
            // The restart closes the old connection.
            connection.simple_query("select 1").await.is_err()
                && howdah_pg::connect(&options).await.is_ok()
        })
        .await;
        true
    }
}

/// Seconds from the machine's time.
fn somewhere(dice: &mut Cuts) -> i64 {
    dice.below(2 * FAR).cast_signed() - FAR.cast_signed()
}
