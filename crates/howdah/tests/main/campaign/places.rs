//! Rounds of faults with a place of their own: a full disk, a Redis that forgets, clients that
//! misbehave.

use std::collections::BTreeSet;
use std::time::Duration;

use howdah_pg::Connection;
use howdah_testkit::Cuts;

use super::block::Block;
use super::client::Manner;
use super::fault::Grows;
use super::load::{Entry, send};
use super::source::Source;
use crate::market::rfc3339;
use crate::rig::{Running, number, until};

/// How long howdah may take to meet the full disk.
const MEET: Duration = Duration::from_millis(10);
/// What the system says of a full disk.
const NO_SPACE: &str = "No space left on device";
/// 2024-10-01 00:00 UTC, in ms since 1970.
const BEATS_MS: u64 = 1_727_740_800_000;

impl Block<'_> {
    /// The disk is full while one source runs, and then there is room again.
    pub(super) async fn fill_up(&mut self, dice: &mut Cuts, grows: Grows, source: Source) {
        if self.arena.disk.is_none() {
            return;
        }
        let input = self.feed(dice, source, self.shape.many()).await;
        let mut howdah = self.start_on(source, &input, "");
        self.until_begun(source, &mut howdah).await;
        if let Some(disk) = &self.arena.disk {
            disk.fill();
        }
        let mut struck = false;
        if grows == Grows::Log {
            struck = self.fill_log().await;
        } else {
            for _ in 0..40 {
                if howdah.said().contains(NO_SPACE) {
                    struck = true;
                    break;
                }
                tokio::time::sleep(MEET).await;
            }
        }
        if let Some(disk) = &self.arena.disk {
            disk.free();
        }
        self.arena.cluster.revive().await;
        self.back().await;
        self.drained_or(source, &mut howdah, |_| false).await;
        howdah.kill9().await;
        self.feed_again(source, &input).await;
        self.strike("disk full", &grows.to_string(), &source.to_string(), u64::from(struck));
    }

    /// Waits until something of the load is committed.
    async fn until_begun(&self, source: Source, howdah: &mut Running) {
        let open = self.requests.open(source.path());
        for _ in 0..200 {
            let begun = if source.is_http() {
                self.requests.open(source.path()) < open
            } else {
                howdah.said().contains("committed")
            };
            if begun || !howdah.runs() {
                return;
            }
            tokio::time::sleep(MEET).await;
        }
    }

    /// Asks for one segment of the write-ahead log after the other until there is no room for one,
    /// which no PostgreSQL survives; whether it came to that.
    async fn fill_log(&self) -> bool {
        let Ok(connection) = howdah_pg::connect(self.arena.cluster.admin_options()).await else {
            return true;
        };
        let more = "select pg_switch_wal(), pg_logical_emit_message(false, 'campaign', 'full')";
        for _ in 0..30 {
            if connection.simple_query(more).await.is_err() {
                return true;
            }
        }
        false
    }

    /// Waits until the server takes connections; one that ended is started again.
    async fn back(&mut self) {
        while howdah_pg::connect(self.rig.database()).await.is_err() {
            self.arena.cluster.revive().await;
            tokio::time::sleep(MEET).await;
        }
    }

    /// Redis is killed while it is read, and comes back empty.
    pub(super) async fn forget(&mut self, dice: &mut Cuts, killed: bool) {
        self.quiet().await;
        let source = Source::Forgetful;
        let mut howdah = self.start_on(source, "", "");
        let connection = self.rig.connect().await;
        let (read, losses) = (self.beats.len(), losses(&connection).await);
        let (before, after) = (self.beat(20 + dice.below(180)), self.beat(10 + dice.below(40)));
        send(&self.arena.forgetful.url(), &entries(&before)).await;
        tokio::time::sleep(dice.after(Duration::ZERO, Duration::from_millis(600))).await;
        if killed {
            howdah.kill9().await;
        }
        self.arena.forgetful.kill9().await;
        self.arena.forgetful.restart().await.unwrap();
        send(&self.arena.forgetful.url(), &entries(&after)).await;
        if killed {
            howdah = self.start_on(source, "", "");
        }
        let last = after.last().copied().unwrap_or_default();
        let done = format!("select exists (select from beats where n = {last})");
        until("what came after the restart is stored", &connection, &done).await;
        let noticed = self::losses(&connection).await - losses;
        self.hold_beats(&connection, &before, &after, noticed).await;
        // Of what nobody had read nothing can be known.
        let known = self.beats.len() - after.len() > 0;
        assert!(noticed == 1 || (noticed == 0 && !known), "{noticed} losses, {read} were read");
        let said = howdah.said();
        assert!(noticed == 0 || said.contains("Redis lost the state of the stream"), "{said}");
        howdah.kill9().await;
        let fault = if killed { "Redis forgot all, howdah killed" } else { "Redis forgot all" };
        self.strike(fault, "any moment", &source.to_string(), 1);
    }

    /// Numbers of so many new beats.
    fn beat(&mut self, many: u64) -> Vec<i64> {
        let from = self.next_beat;
        self.next_beat += many.cast_signed();
        (from..self.next_beat).collect()
    }

    /// What was sent before Redis forgot is there up to some beat, what was sent after is all
    /// there, and what is not there was counted, at least some of it.
    async fn hold_beats(
        &mut self,
        connection: &Connection,
        before: &[i64],
        after: &[i64],
        noticed: i64,
    ) {
        let there = stored(connection).await;
        let kept = before.iter().take_while(|beat| there.contains(beat)).count();
        self.beats.extend(&before[..kept]);
        self.beats.extend(after);
        assert_eq!(there, self.beats, "a prefix of {before:?}, and {after:?}");
        let counted = format!(
            "select coalesce(sum(entries), 0)::bigint from (select entries from howdah.losses \
             where source = 'beats' order by id desc limit {noticed}) l"
        );
        let counted = number(connection, &counted).await;
        let lost = (before.len() - kept) as i64;
        assert!(counted <= lost, "{counted} counted, {lost} lost");
    }

    /// Clients that misbehave send to one source.
    pub(super) async fn misbehave(&mut self, dice: &mut Cuts, manner: Manner, source: Source) {
        let mut howdah = self.start_on(source, "", "");
        while howdah.runs() && howdah.log().address().is_none() {
            tokio::time::sleep(MEET).await;
        }
        let before = self.misbehaved(manner);
        let many = if manner == Manner::Stalls { 4 } else { 12 };
        let planned = self.fed.requests(dice, source, self.shape, many, manner);
        self.requests.plan(planned);
        self.drained_or(source, &mut howdah, |_| false).await;
        let times = self.misbehaved(manner) - before;
        howdah.kill9().await;
        self.strike(&manner.to_string(), "a request", &source.to_string(), times);
    }

    fn misbehaved(&self, manner: Manner) -> u64 {
        let of = |manners: &Vec<(Manner, u64)>| {
            manners.iter().find(|(known, _)| *known == manner).map_or(0, |(_, times)| *times)
        };
        self.requests.told(|told| of(&told.manners))
    }
}

fn entries(beats: &[i64]) -> Vec<Entry> {
    let json = |n: &i64| {
        let at = rfc3339(BEATS_MS + n.cast_unsigned() * 1_000);
        ("beats", vec![("data", format!("{{\"n\":{n},\"at\":\"{at}\"}}"))])
    };
    beats.iter().map(json).collect()
}

/// The beats that are stored, each once.
pub async fn stored(connection: &Connection) -> BTreeSet<i64> {
    let rows = connection.query("select n from beats", &[]).await.unwrap();
    let there: BTreeSet<i64> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(there.len(), rows.len(), "a beat is there twice");
    there
}

/// How often it was kept that the source lost something.
async fn losses(connection: &Connection) -> i64 {
    number(connection, "select count(*) from howdah.losses where source = 'beats'").await
}
