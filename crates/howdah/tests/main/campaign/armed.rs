//! Rounds of faults within howdah and its transaction: failpoints, and a server that refuses.

use std::time::Duration;

use nix::sys::signal::Signal;

use super::block::{BRIEF, Block};
use super::fault::{Action, Place, State};
use super::source::{Shape, Source};
use howdah_testkit::Cuts;

use crate::rig::Running;

/// How long a source of requests is served by another process while one is stopped there.
const WHILE_STOPPED: Duration = Duration::from_millis(400);
/// How long one that was stopped has to meet what happened meanwhile.
const AWAKE: Duration = Duration::from_millis(100);

impl Block<'_> {
    /// One source runs alone, with a failpoint armed.
    pub(super) async fn failpoint(
        &mut self,
        dice: &mut Cuts,
        step: &'static str,
        action: Action,
        source: Source,
    ) {
        // A lease is renewed in time, not by events: batches take longer then.
        let lease = step == "lease.renew";
        let again = action == Action::Error;
        let many = if again && !lease { self.shape.many() } else { self.shape.few() };
        let input = self.feed(dice, source, many).await;
        let nth = 1 + dice.below(match step {
            // These are come by for each piece that is read, not for each batch.
            "decode" => 1,
            "reader.next" | "lease.renew" | "acknowledge" => 2,
            _ => self.shape.batches(),
        });
        let mut armed = action.armed(step, nth);
        if lease {
            armed += &format!(";writer.before_copy=sleep:{}", self.shape.slow_ms());
        }
        let mut howdah = self.start_on(source, &input, &armed);
        let struck = match action {
            Action::Kill => {
                self.drained_or(source, &mut howdah, |howdah| !howdah.runs()).await;
                // One that came to its end was not killed.
                u64::from(!howdah.runs() && howdah.wait().await.is_none())
            }
            Action::Stop => {
                let stopped =
                    self.drained_or(source, &mut howdah, |howdah| howdah.is_stopped()).await;
                if stopped {
                    self.go_on_without(source, &mut howdah, &input).await;
                }
                u64::from(stopped)
            }
            Action::Error => {
                self.drained_within(BRIEF, source, &mut howdah, |_| false).await;
                // The log quotes what it quotes.
                let said = howdah.said().replace('\\', "");
                said.matches(&format!("the failpoint \"{step}\" broke")).count() as u64
            }
        };
        howdah.kill9().await;
        self.feed_again(source, &input).await;
        self.strike(&action.to_string(), step, &source.to_string(), struck);
    }

    /// Another howdah goes on while the first is stopped; then the first one may.
    async fn go_on_without(&mut self, source: Source, stopped: &mut Running, input: &str) {
        if !source.is_http() {
            self.take_over(source, input).await;
            stopped.signal(Signal::SIGCONT);
            tokio::time::sleep(AWAKE).await;
            return;
        }
        let mut second = self.start_on(source, "", "");
        while second.runs() && second.log().address().is_none() {
            tokio::time::sleep(AWAKE / 10).await;
        }
        // Clients that wait for the one that is stopped ask the other.
        self.arena.door.cut();
        tokio::time::sleep(WHILE_STOPPED).await;
        stopped.signal(Signal::SIGCONT);
        self.drained_or(source, &mut second, |_| false).await;
        second.kill9().await;
    }

    /// A howdah comes to the end of a source.
    async fn take_over(&self, source: Source, input: &str) {
        let once = ["run", "--once", "--source", source.name()];
        let mut howdah = self.rig.start_fed(&once, &[], input.to_owned());
        assert_eq!(howdah.wait().await, Some(0), "{}", howdah.said());
    }

    /// Standard input has no past: whoever had it before feeds it again.
    pub(super) async fn feed_again(&self, source: Source, input: &str) {
        if source == Source::Stdin {
            self.take_over(source, input).await;
        }
    }

    /// One source runs alone, and a trigger refuses a statement now and then.
    pub(super) async fn refuse(
        &mut self,
        dice: &mut Cuts,
        place: Place,
        state: State,
        source: Source,
    ) {
        let input = self.feed(dice, source, self.shape.many()).await;
        let (table, every) = match place {
            Place::Row => (source.table(), every_row(source, self.shape)),
            // Up to four requests share a transaction.
            Place::Position if source.is_http() => ("howdah.http_requests", 7),
            Place::Position => ("howdah.positions", 3),
        };
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
        let mut howdah = self.start_on(source, &input, "");
        self.drained_within(BRIEF, source, &mut howdah, |_| false).await;
        howdah.kill9().await;
        let refused = "select case when is_called then last_value else 0 end from refused";
        let struck: i64 = admin.query_one(refused, &[]).await.unwrap().get(0);
        let disarm = format!(
            "drop trigger refuse on {table}; drop function refuse(); drop sequence turns; \
             drop sequence refused"
        );
        admin.batch_execute(&disarm).await.unwrap();
        self.feed_again(source, &input).await;
        let step = place.step(source.is_http());
        self.strike(&state.to_string(), step, &source.to_string(), struck.cast_unsigned());
    }
}

/// One in so many rows is refused: rarely enough for a batch to pass at its next tries.
fn every_row(source: Source, shape: Shape) -> u64 {
    let rows = if source == Source::Legs { 4 } else { 1 };
    let together = if source.is_http() { 4 * shape.of_request() } else { shape.batch_rows() };
    rows * together.max(2) * 5 / 2
}
