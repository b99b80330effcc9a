//! The shards of a run: each reads, decodes and commits on its own, side by side.

use std::hash::{BuildHasher as _, RandomState};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use howdah_error::{Code, Error, Kind, Result};
use howdah_pg::{ConnectOptions, RetryPolicy};
use howdah_stream::progress::Ownership;
use howdah_stream::source::{chunk_bytes, shards_of, share};
use howdah_stream::{
    Claim, Decoder, Ended, Keeper, PATIENT, Pace, Progress, Reporter, Run, ShardId, SourceSql,
    Writer, run_shard,
};
use howdah_system::Source;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::rates::Rates;
use super::{decoder, source_sql};
use crate::session::{Model, Session};

/// Each shard has a connection to PostgreSQL and one or two to Redis.
const MOST: usize = 64;

/// Between two attempts with a shard that failed while others run.
const AGAIN: RetryPolicy = RetryPolicy {
    attempts: u32::MAX,
    total: Duration::MAX,
    base: Duration::from_secs(60),
    cap: Duration::from_secs(60),
};

/// What all shards of a run have in common.
pub struct Common<'r> {
    pub session: &'r Session,
    pub model: &'r Model,
    pub generation: i64,
    pub once: bool,
    pub shutdown: &'r CancellationToken,
}

/// A shard that is to run.
pub struct Shard<'s> {
    source: &'s Source,
    id: ShardId,
    pace: Pace,
}

/// The shards of some sources.
pub fn of<'s>(sources: &[&'s Source], rates: &Rates) -> Vec<Shard<'s>> {
    let of_one = |source: &&'s Source| {
        let (source, pace) = (*source, rates.pace(&source.name));
        shards_of(source).into_iter().map(move |id| Shard { source, id, pace: pace.clone() })
    };
    sources.iter().flat_map(of_one).collect()
}

/// Runs every one of `shards` to its end; `watch` is handed the progress of each.
///
/// A shard that fails does not end the others: it is tried again now and then while any of them
/// goes on, and its failure is told when none does. What would stop each of them (another
/// generation, a mistake in the system file, a mistake of howdah's own) ends all at once.
pub async fn run(
    common: &Common<'_>,
    shards: Vec<Shard<'_>>,
    mut watch: impl FnMut(watch::Receiver<Progress>),
) -> Result<()> {
    if shards.len() > MOST {
        return Err(Error::input(format!("{} shards are too many for one process", shards.len()))
            .detail(format!("Each has a connection of its own; a process has at most {MOST}."))
            .hint("Start several processes and divide the sources with --source."));
    }
    let claim =
        Claim { owner: owner(), lease: Duration::from_millis(common.model.system.ingest.lease_ms) };
    let options = common.session.options.clone();
    let keeper = Keeper::start(options.application_name("howdah run (lease)"), claim.lease);
    let mut known = Vec::new();
    let running = FuturesUnordered::<Going<'_>>::new();
    let many = shards.len();
    for shard in shards {
        let (reporter, progress) = Reporter::new(shard.id.clone());
        known.push(progress.clone());
        watch(progress);
        let job = Job::new(common, shard, &claim, many)?;
        running.push(Box::pin(job.go(&keeper, reporter, Duration::ZERO)));
    }
    Box::pin(all(common, running, &known, &keeper)).await
}

/// Waits for every shard.
async fn all<'j>(
    common: &Common<'_>,
    mut running: FuturesUnordered<Going<'j>>,
    known: &[watch::Receiver<Progress>],
    keeper: &'j Keeper,
) -> Result<()> {
    let mut failure: Option<Error> = None;
    while let Some((job, reporter, ended)) = running.next().await {
        let Err(error) = ended else { continue };
        if stops_all(&error) {
            common.shutdown.cancel();
        }
        let goes_on = |progress: &watch::Receiver<Progress>| {
            !matches!(progress.borrow().ownership, Ownership::Failed | Ownership::Ended)
        };
        if common.once || common.shutdown.is_cancelled() || !known.iter().any(goes_on) {
            failure.get_or_insert(error);
            if !common.once {
                common.shutdown.cancel();
            }
            continue;
        }
        let ShardId { source, shard } = &job.run.shard;
        tracing::error!(source, shard, "the shard failed, the others go on: {}", error.report());
        running.push(Box::pin(job.go(keeper, reporter, AGAIN.wait(1))));
    }
    failure.map_or(Ok(()), Err)
}

/// Whether every other shard would fail so too.
fn stops_all(error: &Error) -> bool {
    matches!(error.kind(), Kind::Input | Kind::Internal)
        || error.get_code() == Some(Code::NotApplied)
}

/// A shard that has ended, and how.
type Done<'j> = (Job<'j>, Reporter, Result<Ended>);
/// A shard that goes on.
type Going<'j> = Pin<Box<dyn Future<Output = Done<'j>> + 'j>>;

/// One shard, ready to run.
struct Job<'j> {
    run: Run,
    decoder: Box<dyn Fn() -> Result<Decoder> + 'j>,
    sql: Arc<SourceSql>,
    options: ConnectOptions,
    shutdown: &'j CancellationToken,
}

impl<'j> Job<'j> {
    fn new(common: &Common<'j>, shard: Shard<'j>, claim: &Claim, many: usize) -> Result<Self> {
        let (session, model) = (common.session, common.model);
        let (system, Shard { source, id, pace }) = (&model.system, shard);
        let stream = &system.streams[source.routes[0].stream];
        howdah_stream::source::check(source, stream)?;
        Ok(Self {
            decoder: Box::new(move || decoder(system, source)),
            run: Run {
                source: source.clone(),
                shard: id,
                pace,
                access: session.access(source)?,
                limits: share(system.ingest, many),
                once: common.once,
                retry: PATIENT,
                claim: claim.clone(),
                keyed: source.streams().all(|stream| !system.streams[stream].key.is_empty()),
                chunk_bytes: chunk_bytes(many),
            },
            sql: source_sql(model, source, common.generation)?,
            options: session
                .options
                .clone()
                .application_name(format!("howdah run {}", source.name)),
            shutdown: common.shutdown,
        })
    }

    /// Runs after a wait, and gives itself back.
    async fn go(self, keeper: &'j Keeper, reporter: Reporter, wait: Duration) -> Done<'j> {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = self.shutdown.cancelled() => return (self, reporter, Ok(Ended::Stopped)),
        }
        let connect = || {
            let (options, sql) = (self.options.clone(), Arc::clone(&self.sql));
            async move { Writer::open(&options, sql).await }
        };
        let keeper = Some(keeper);
        let (run, shutdown) = (&self.run, self.shutdown);
        let ended = run_shard(run, &self.decoder, connect, keeper, &reporter, shutdown).await;
        (self, reporter, ended)
    }
}

/// This process, as people know it, and unlike every other.
pub fn owner() -> String {
    let names = nix::sys::utsname::uname();
    let host = names.as_ref().map(|names| names.nodename().to_string_lossy()).unwrap_or_default();
    let nonce = RandomState::new().hash_one(std::process::id());
    format!("{host} {} {nonce:016x}", std::process::id())
}
