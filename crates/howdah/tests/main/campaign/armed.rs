//! Rounds of faults within howdah and its transaction: failpoints, and a server that refuses.

use std::time::{Duration, Instant};

use howdah_testkit::Cuts;
use nix::sys::signal::Signal;

use super::block::Block;
use super::fault::{Action, Place, SOURCES, State};
use crate::market::counts;
use crate::rig::Running;

/// How long a round may take before it goes on as it is: the proof at the end decides.
const ROUND: Duration = Duration::from_secs(8);
/// Events of a round that ends with its first strike: a few batches.
const FEW: u64 = 60;
/// Events of a round that strikes again and again.
const MANY: u64 = 300;
const LOOK: Duration = Duration::from_millis(5);

impl Block {
    /// One source runs alone, with a failpoint armed.
    pub(super) async fn failpoint(
        &mut self,
        dice: &mut Cuts,
        step: &'static str,
        action: Action,
        source: usize,
    ) {
        self.quiet().await;
        self.feed(dice, source, if action == Action::Error { MANY } else { FEW }).await;
        let (name, kind) = SOURCES[source];
        let armed = action.armed(step, 1 + dice.below(4));
        let run = ["run", "--source", name];
        let mut howdah = self.rig.start_with(&run, &[("HOWDAH_FAILPOINTS", &armed)]);
        let struck = match action {
            Action::Kill => self.drained_or(source, || !howdah.runs()).await,
            Action::Stop => {
                let stopped = self.drained_or(source, || howdah.is_stopped()).await;
                if stopped > 0 {
                    self.take_over(source, &howdah).await;
                }
                stopped
            }
            Action::Error => {
                self.drained_or(source, || false).await;
                howdah.said().matches(&format!("the failpoint \"{step}\" broke")).count()
            }
        };
        howdah.kill9().await;
        self.struck.add(&action.to_string(), step, kind, struck as u64);
    }

    /// Waits until the source is drained (0) or the fault was seen (1).
    async fn drained_or(&self, source: usize, mut seen: impl FnMut() -> bool) -> usize {
        let (connection, fed) = (self.rig.connect().await, self.fed_to(source).await);
        let start = Instant::now();
        while start.elapsed() < ROUND {
            if seen() {
                return 1;
            }
            if counts(&connection, SOURCES[source].0).await[0] >= fed {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        usize::from(seen())
    }

    /// Another howdah comes to the end while the first is stopped; then the first goes on.
    async fn take_over(&self, source: usize, stopped: &Running) {
        self.rig.fine(&["run", "--once", "--source", SOURCES[source].0]).await;
        stopped.signal(Signal::SIGCONT);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    /// One source runs alone, and every third statement of a kind is refused by a trigger.
    pub(super) async fn refuse(
        &mut self,
        dice: &mut Cuts,
        place: Place,
        state: State,
        source: usize,
    ) {
        self.quiet().await;
        self.feed(dice, source, MANY).await;
        let (name, kind) = SOURCES[source];
        let table = match (place, name) {
            (Place::Position, _) => "howdah.positions",
            (Place::Row, "fills_file") => "fills",
            (Place::Row, "postings") => "postings",
            (Place::Row, _) => "trades",
        };
        // One in 40 rows, one in three moves.
        let every = if place == Place::Row { 40 } else { 3 };
        let admin = self.rig.connect().await;
        let arm = format!(
            "create sequence refused; create sequence turns; \
             create function refuse() returns trigger language plpgsql as $$ begin \
             if nextval('public.turns') % {every} = 0 then \
             perform nextval('public.refused'); \
             raise exception 'refused by the campaign' using errcode = '{}'; \
             end if; return new; end $$; \
             create trigger refuse before insert or update on {table} \
             for each row execute function public.refuse()",
            state.code()
        );
        admin.batch_execute(&arm).await.unwrap();
        let mut howdah = self.rig.start(&["run", "--source", name]);
        self.drained_or(source, || false).await;
        howdah.kill9().await;
        let refused = "select case when is_called then last_value else 0 end from refused";
        let struck: i64 = admin.query_one(refused, &[]).await.unwrap().get(0);
        let disarm = format!(
            "drop trigger refuse on {table}; drop function refuse(); drop sequence turns; \
             drop sequence refused"
        );
        admin.batch_execute(&disarm).await.unwrap();
        self.struck.add(&state.to_string(), place.step(), kind, struck.cast_unsigned());
    }
}
