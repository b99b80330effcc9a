//! Rounds of faults outside of howdah, or of howdah as a whole, at a random moment of a load.

use std::time::Duration;

use howdah_testkit::{Cuts, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::block::Block;
use super::fault::Cut;
use super::load::send;
use crate::rig::{PATIENCE, Running};

/// The moment of a cut lies within this of the beginning of a round; a howdah that has to start
/// first gets more.
const LATEST: Duration = Duration::from_millis(150);
const START: Duration = Duration::from_millis(300);
/// What a matrix says of a cut that strikes at any step.
const ANY: &str = "any moment";
/// All sources run.
const ALL: &str = "all sources";

/// Process numbers of howdah's backends that ingest.
const BACKENDS: &str = "select pid from pg_stat_activity \
     where application_name like 'howdah run %' and datname = current_database()";

impl Block {
    /// All sources run, and something is cut.
    pub(super) async fn cut(&mut self, dice: &mut Cuts, cut: Cut) {
        if cut != Cut::Redis {
            self.feed_all(dice).await;
        }
        let mut latest = LATEST;
        if !self.howdah.as_mut().is_some_and(Running::runs) {
            self.howdah = Some(self.rig.start(&["run"]));
            latest += START;
        }
        if cut == Cut::Redis {
            self.kill_redis(dice).await;
        } else {
            tokio::time::sleep(dice.after(Duration::ZERO, latest)).await;
            self.strike(dice, cut).await;
        }
        self.struck.add(&cut.to_string(), ANY, ALL, 1);
    }

    /// Redis dies while it is fed.
    async fn kill_redis(&mut self, dice: &mut Cuts) {
        let (entries, url) = (self.fed.entries(dice, 200), self.redis.url());
        let moment = dice.after(Duration::ZERO, LATEST / 10);
        tokio::join!(send(&url, &entries), async {
            tokio::time::sleep(moment).await;
            self.redis.kill9().await;
            self.redis.restart().await.unwrap();
        });
    }

    async fn strike(&mut self, dice: &mut Cuts, cut: Cut) {
        let howdah = self.howdah.as_mut().expect("howdah runs");
        match cut {
            Cut::Howdah => howdah.kill9().await,
            Cut::Drain => {
                howdah.signal(Signal::SIGTERM);
                howdah.wait().await;
            }
            Cut::Postgres => {
                self.cluster.kill9().await;
                self.cluster.restart().await;
            }
            Cut::Immediate => {
                self.cluster.stop_immediate().await;
                self.cluster.restart().await;
            }
            Cut::Backend => self.kill_backend().await,
            Cut::Terminate => {
                let sql = format!("select pg_terminate_backend(pid) from ({BACKENDS}) b");
                self.rig.connect().await.batch_execute(&sql).await.unwrap();
            }
            Cut::Frozen => {
                self.cluster.pause();
                tokio::time::sleep(dice.after(Duration::ZERO, LATEST)).await;
                self.cluster.resume();
            }
            Cut::Connections => self.proxy.cut(),
            Cut::Reply => {
                self.hold_commit().await;
                self.proxy.cut();
                self.proxy.hold_replies(false);
            }
            Cut::ReplyAndHowdah => {
                self.hold_commit().await;
                self.quiet().await;
                self.proxy.hold_replies(false);
            }
            Cut::Rivals => self.rival(dice).await,
            Cut::Redis => unreachable!("Redis is killed while it is fed"),
        }
    }

    /// A second howdah comes; both are stopped and go on at random, then one is killed.
    async fn rival(&mut self, dice: &mut Cuts) {
        let mut rival = self.rig.start(&["run"]);
        for _ in 0..4 {
            self.feed_all(dice).await;
            let howdah = self.howdah.as_ref().expect("howdah runs");
            let stopped = *dice.pick(&[howdah, &rival]);
            stopped.signal(Signal::SIGSTOP);
            tokio::time::sleep(dice.after(Duration::ZERO, Duration::from_secs(2))).await;
            stopped.signal(Signal::SIGCONT);
            tokio::time::sleep(dice.after(Duration::ZERO, LATEST)).await;
        }
        if dice.below(2) == 0 {
            rival.kill9().await;
        } else {
            self.quiet().await;
            self.howdah = Some(rival);
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
        if kill(Pid::from_raw(row.get(0)), Signal::SIGKILL).is_err() {
            return;
        }
        let options = self.rig.database().clone();
        wait_until("the server is back", PATIENCE, || async {
            // The restart closes the old connection.
            connection.simple_query("select 1").await.is_err()
                && howdah_pg::connect(&options).await.is_ok()
        })
        .await;
    }
}
