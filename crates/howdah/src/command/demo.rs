//! `howdah demo`: a whole system with servers of its own, fed, shown live, and proved at the end.

mod screen;
pub(super) mod stage;
mod summary;
pub(super) mod systems;

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use howdah_error::{Error, Result};
use howdah_feed::{Expected, Options};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::Outcome;
use crate::cli::{DemoArgs, Global, RunArgs};
use crate::command::apply::apply_told;
use crate::command::feed::{load, now_ms};
use crate::command::run::{ingest, stop_on_signals};
use crate::feeder::{Sending, Target, send};
use crate::meter::Meter;
use crate::output;
use screen::{Moment, Screen};
use stage::Stage;
use systems::Embedded;

/// How often is looked whether the feed is drained.
const LOOK: Duration = Duration::from_millis(100);
/// On a terminal the feed takes so many seconds, so that there is something to see.
const SHOW_SECONDS: u64 = 20;

/// Plays the demo.
pub async fn run(_: &Global, args: &DemoArgs) -> Result<Outcome> {
    let system = systems::find(&args.system)?;
    let shutdown = CancellationToken::new();
    stop_on_signals(shutdown.clone())?;
    output::say(&format!("starting PostgreSQL and Redis in {}", args.dir.display()));
    let stage = Stage::open(&args.dir, system, args.keep).await?;
    let result = Box::pin(play(&stage, system, args, &shutdown)).await;
    let closed = stage.close().await;
    let outcome = result?;
    closed?;
    Ok(outcome)
}

async fn play(
    stage: &Stage,
    system: &'static Embedded,
    args: &DemoArgs,
    shutdown: &CancellationToken,
) -> Result<Outcome> {
    let options = Options::new(args.events, args.seed, now_ms());
    let steps = Box::pin(apply_told(&stage.session, &[], &|_| {})).await?;
    output::say(&format!("{steps} migrations and steps applied"));
    load(&stage.session, &howdah_feed::entities_sql(system.name, &options)?).await?;
    if args.keep {
        // What the last demo left in Redis does not belong to the counts of this feed.
        let once = RunArgs { once: true, source: Vec::new() };
        ingest(&stage.session, &once, shutdown, |_| {}).await?;
    }
    let connection = stage.session.connect().await?;
    let before = summary::committed(&connection, stage).await?;
    let expected = Box::pin(feed_and_ingest(stage, system, args, &options, shutdown)).await?;
    if shutdown.is_cancelled() {
        output::say("ended before the feed was: nothing is lost, and nothing was proved");
        return Ok(Outcome::Interrupted);
    }
    let holds = summary::print(&connection, stage, system, &expected, &before).await?;
    summary::print_ways(stage, system, args)?;
    if args.stay {
        shutdown.cancelled().await;
    }
    Ok(if holds { Outcome::Fine } else { Outcome::Findings })
}

/// Feeds and ingests together until everything that was fed is committed.
async fn feed_and_ingest(
    stage: &Stage,
    system: &'static Embedded,
    args: &DemoArgs,
    options: &Options,
    shutdown: &CancellationToken,
) -> Result<Expected> {
    // Cancelled by a signal, by a failure of either side, and when everything is committed.
    let end = shutdown.child_token();
    let (meter, sent) = (Meter::default(), Arc::new(AtomicU64::new(0)));
    let fed = start_feed(stage, system, args, options, &sent, &end)?;
    let all = RunArgs { once: false, source: Vec::new() };
    let ingesting = async {
        let result = ingest(&stage.session, &all, &end, |progress| meter.add(progress)).await;
        end.cancel();
        result
    };
    let mut screen = Screen::new(system);
    let watching = async {
        let connection = stage.session.connect().await?;
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = end.cancelled() => break,
            }
            let sent = sent.load(Ordering::Relaxed);
            if fed.is_finished() && meter.totals().events >= sent {
                break;
            }
            screen.show(&connection, &meter, &Moment { sent, of: args.events }).await;
        }
        end.cancel();
        Ok::<(), Error>(())
    };
    let (ingested, watched) = tokio::join!(ingesting, watching);
    screen.clear();
    ingested?;
    watched?;
    fed.await.map_err(|error| Error::internal("the feed broke off").source(error))?
}

/// Starts the feed beside; it counts into `sent`, and gives what a store must hold after it.
fn start_feed(
    stage: &Stage,
    system: &Embedded,
    args: &DemoArgs,
    options: &Options,
    sent: &Arc<AtomicU64>,
    end: &CancellationToken,
) -> Result<JoinHandle<Result<Expected>>> {
    let mut feed = howdah_feed::events(system.name, options)?;
    let seconds = args.seconds.or(std::io::stderr().is_terminal().then_some(SHOW_SECONDS));
    let rate = seconds.filter(|seconds| *seconds > 0);
    let rate = rate.map(|seconds| args.events.div_ceil(seconds).max(1));
    let field = howdah_feed::redis_field(system.name);
    let target = Target::Redis { url: stage.redis.url.clone(), field };
    let (sent, end) = (Arc::clone(sent), end.clone());
    Ok(tokio::spawn(async move {
        let sending = Sending { rate, ..Sending::default() };
        let tell = |count| sent.store(count, Ordering::Relaxed);
        send(&mut feed, &target, &sending, &end, tell).await?;
        Ok(feed.expected().clone())
    }))
}
