//! Upkeep at work: takes the upkeep of a system, goes through the jobs that are due, and notes what
//! each did.
//!
//! It has two connections: one on which the jobs work, whose session is the owner, and one that
//! renews the lease. Whatever breaks, both are made anew and the upkeep is taken again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use howdah_catalog::{Catalog, RelName};
use howdah_error::{Code, Error, Result};
use howdah_history::keep::Archive;
use howdah_pg::{
    ConnectOptions, Connection, RetryPolicy, connect, failpoint, from_pg, introspect_scope,
};
use howdah_system::{System, SystemFile, error_of};
use tokio_util::sync::CancellationToken;

use crate::job::{Context, Job, Step};
use crate::lease::{self, Claim, Grant};
use crate::{MODEL, answer_questions, record};

/// How many connections a process has for upkeep.
pub const CONNECTIONS: usize = 2;

/// How often a model is read anew while there is work.
const READ: Duration = Duration::from_secs(60);
/// How long a job that waits for somebody waits before it looks again, at most.
const AGAIN: Duration = Duration::from_secs(10);
/// Between attempts that fail.
const BROKEN: RetryPolicy = RetryPolicy {
    attempts: u32::MAX,
    total: Duration::MAX,
    base: Duration::from_millis(500),
    cap: Duration::from_secs(30),
};
/// Rounds of `once` without an end: something makes work faster than it is done.
const MOST_STEPS: usize = 100_000;

/// The upkeep of one system.
#[derive(Clone)]
pub struct Upkeep {
    /// How to connect.
    pub options: ConnectOptions,
    /// The system file.
    pub file: SystemFile,
    /// Where it is, for messages.
    pub path: String,
    /// Who does it.
    pub claim: Claim,
    /// Where events go before they are dropped.
    pub archive: Arc<dyn Archive + Send>,
}

/// What a job did, as it is told.
#[derive(Debug)]
pub struct Told<'t> {
    /// The job.
    pub job: Job,
    /// What came of its step.
    pub step: &'t Result<Step>,
}

/// Does the upkeep until `shutdown`; stands by while it is another's. A failure is logged and tried
/// again.
pub async fn run(
    upkeep: &Upkeep,
    shutdown: &CancellationToken,
    mut tell: impl FnMut(&Told<'_>) + Send,
) {
    let mut failed = 0;
    while !shutdown.is_cancelled() {
        let start = Instant::now();
        match Box::pin(own(upkeep, shutdown, false, &mut tell)).await {
            Ok(()) => return,
            Err(error) => {
                failed = if start.elapsed() > BROKEN.cap { 1 } else { failed + 1 };
                tracing::warn!(%error, failed, "the upkeep was broken off and begins again");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(BROKEN.wait(failed)) => {}
            () = shutdown.cancelled() => {}
        }
    }
}

/// Does what there is to do now, and ends.
///
/// # Errors
/// HD0407 when another process does the upkeep and goes on for two leases; a job's failure, when
/// all others have done their work.
pub async fn once(
    upkeep: &Upkeep,
    shutdown: &CancellationToken,
    mut tell: impl FnMut(&Told<'_>) + Send,
) -> Result<()> {
    Box::pin(own(upkeep, shutdown, true, &mut tell)).await
}

type Tell<'t> = &'t mut (dyn FnMut(&Told<'_>) + Send);

/// Takes the upkeep, works under it, and gives it back.
async fn own(
    upkeep: &Upkeep,
    shutdown: &CancellationToken,
    once: bool,
    tell: Tell<'_>,
) -> Result<()> {
    let lease = upkeep.claim.lease;
    let worker = connect(&upkeep.options.clone().application_name("howdah upkeep")).await?;
    // A job's statement takes as long as the data is; a lock is asked for again.
    worker
        .batch_execute("set statement_timeout = 0; set lock_timeout = '100ms'")
        .await
        .map_err(|error| from_pg("could not begin the upkeep", &error))?;
    let epoch = tokio::select! {
        epoch = stand_by(&worker, &upkeep.claim, once) => epoch?,
        () = shutdown.cancelled() => return Ok(()),
    };
    failpoint::hit("upkeep.taken").await?;
    tracing::debug!(epoch, "does the upkeep");
    let lost = CancellationToken::new();
    let keeper = upkeep.options.clone().application_name("howdah upkeep (lease)");
    let canceller = worker.canceller();
    let mut work = Work { upkeep, worker: &worker, memory: HashMap::new(), model: None };
    let result = tokio::select! {
        result = async { if once { work.once(tell).await } else { work.go(tell).await } } => result,
        () = lease::keep(&keeper, epoch, lease, &lost) => Ok(()),
        () = lost.cancelled() => return Err(lease::taken("")),
        () = shutdown.cancelled() => {
            // A long statement is broken off, so that nothing is left behind.
            let _ = canceller.cancel().await;
            Ok(())
        }
    };
    let _ = worker.batch_execute("rollback").await;
    lease::release(&worker, epoch).await?;
    worker.close().await;
    result
}

/// Waits until the upkeep is this session's; gives its epoch. With `once` for two leases at most.
async fn stand_by(worker: &Connection, claim: &Claim, once: bool) -> Result<i64> {
    let (start, mut watched) = (Instant::now(), None);
    loop {
        match lease::take(worker, claim, &mut watched).await? {
            Grant::Held(epoch) => return Ok(epoch),
            Grant::Owned(owner) if once && start.elapsed() > claim.lease * 2 => {
                return Err(lease::taken(&owner));
            }
            Grant::Owned(_) => tokio::time::sleep(claim.lease / 5).await,
        }
    }
}

/// A system held against the database, and when that was.
struct Model {
    system: System,
    catalog: Catalog,
    read: Instant,
}

struct Work<'u> {
    upkeep: &'u Upkeep,
    worker: &'u Connection,
    /// What each job passes over until it looks again.
    memory: HashMap<Job, HashMap<RelName, String>>,
    model: Option<Model>,
}

impl Work<'_> {
    /// Goes through the jobs as they come due. Ends with the first failure of the connection.
    async fn go(&mut self, tell: Tell<'_>) -> Result<()> {
        let every = |job: Job| job.every(self.upkeep.file.upkeep());
        let most = Job::ALL.iter().map(|job| every(*job)).max().unwrap_or_default();
        let left = record::left(self.worker, most).await?;
        let now = Instant::now();
        let mut due: Vec<(Instant, u32, Job)> = Job::ALL
            .iter()
            .map(|job| {
                // What is cheap, and what others may need, is looked at at once.
                let wait = left.get(job.name()).copied().filter(|_| job.is_heavy());
                (now + wait.unwrap_or_default().min(every(*job)), 0, *job)
            })
            .collect();
        loop {
            due.sort_by_key(|(at, _, _)| *at);
            let Some((at, failed, job)) = due.first().copied() else { return Ok(()) };
            tokio::time::sleep_until(at.into()).await;
            let step = self.step(job).await;
            let failed = if step.is_err() { failed + 1 } else { 0 };
            let next = self.next(job, &step, failed);
            record::end(self.worker, job, &step, next).await?;
            failpoint::hit("upkeep.noted").await?;
            tell(&Told { job, step: &step });
            log(job, &step);
            if let Err(error) = step {
                ends_session(&error)?;
            }
            due[0] = (Instant::now() + next, failed, job);
        }
    }

    /// Goes through all jobs until none has anything left that can be done.
    async fn once(&mut self, tell: Tell<'_>) -> Result<()> {
        let mut failure = None;
        for job in Job::ALL {
            for _ in 0..MOST_STEPS {
                let step = self.step(job).await;
                let next = self.next(job, &step, 1);
                record::end(self.worker, job, &step, next).await?;
                failpoint::hit("upkeep.noted").await?;
                tell(&Told { job, step: &step });
                let goes_on = step.as_ref().is_ok_and(Step::goes_on);
                if let Err(error) = step {
                    if error.get_code() == Some(Code::UpkeepTaken) {
                        return Err(error);
                    }
                    failure.get_or_insert(error);
                }
                if !goes_on {
                    break;
                }
            }
        }
        failure.map_or(Ok(()), Err)
    }

    /// One step of a job, or why there is none now.
    async fn step(&mut self, job: Job) -> Result<Step> {
        if job.is_heavy()
            && let Some(why) = self.closed().await?
        {
            return Ok(Step { waits: Some(why), ..Step::default() });
        }
        record::begin(self.worker, job).await?;
        failpoint::hit("upkeep.begun").await?;
        self.read_model().await?;
        let Some(Model { system, catalog, .. }) = &self.model else {
            return Err(Error::internal("upkeep has no model"));
        };
        let file = &self.upkeep.file;
        let later = self.memory.entry(job).or_default();
        let mut context = Context {
            client: self.worker,
            system,
            catalog,
            config: file.upkeep(),
            archive: &*self.upkeep.archive,
            keep_requests: file.http().map(|http| http.keep_requests),
            later,
        };
        let step = Box::pin(job.step(&mut context)).await;
        if !step.as_ref().is_ok_and(Step::goes_on) {
            later.clear();
        }
        if step.is_err() {
            // A transaction that failed in the middle is left; its error is told already.
            let _ = self.worker.batch_execute("rollback").await;
        }
        step
    }

    /// Why the window is closed; `None`: it is open.
    async fn closed(&self) -> Result<Option<String>> {
        let Some(window) = self.upkeep.file.upkeep().window else { return Ok(None) };
        let sql = "select (extract(epoch from now() at time zone 'UTC')::bigint / 60 % 1440)::int";
        let row = self.worker.query_one(sql, &[]).await;
        let minute: i32 = row.map_err(|error| from_pg("could not read the clock", &error))?.get(0);
        let open = window.is_open(u16::try_from(minute).unwrap_or_default());
        Ok((!open).then(|| format!("the window {window} (UTC) is closed")))
    }

    /// Reads the system anew when the last time is long ago.
    async fn read_model(&mut self) -> Result<()> {
        if self.model.as_ref().is_some_and(|model| model.read.elapsed() < READ) {
            return Ok(());
        }
        let catalog = Box::pin(introspect_scope(self.worker, MODEL)).await?;
        let draft = self.upkeep.file.check(&catalog);
        let answers = answer_questions(self.worker, &draft.questions).await?;
        let system =
            draft.finish(answers).map_err(|problems| error_of(&self.upkeep.path, &problems))?;
        self.model = Some(Model { system, catalog, read: Instant::now() });
        Ok(())
    }

    /// When the job looks again.
    fn next(&self, job: Job, step: &Result<Step>, failed: u32) -> Duration {
        let every = job.every(self.upkeep.file.upkeep());
        match step {
            Ok(step) if step.goes_on() => Duration::ZERO,
            Ok(step) if step.waits.is_some() => every.min(AGAIN),
            Ok(_) => every,
            Err(_) => BROKEN.wait(failed).max(Duration::from_millis(100)),
        }
    }
}

fn log(job: Job, step: &Result<Step>) {
    match step {
        Ok(step) => {
            if let Some(did) = &step.did {
                tracing::debug!(job = job.name(), did, left = step.backlog, "upkeep");
            }
        }
        Err(error) => tracing::warn!(job = job.name(), %error, "a job of the upkeep failed"),
    }
}

/// A failure that another step on the same session would meet again.
fn ends_session(error: &Error) -> Result<()> {
    use howdah_pg::{Classified as _, Fault};
    if error.get_code() == Some(Code::UpkeepTaken) {
        return Err(lease::taken(""));
    }
    match error.fault() {
        // A lock or a serialization failure may be among them; a new session costs little.
        Fault::Reconnect => Err(Error::new(error.kind(), error.message().to_owned())),
        _ => Ok(()),
    }
}
