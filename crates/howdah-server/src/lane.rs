//! Group commit: the requests of many clients for one source, stored in one transaction.
//!
//! Requests that come while a transaction is under way share the next one. While the database is
//! away the lane tries again with growing, random waits; a request that has waited too long is
//! answered with 503 and left out of the next attempt.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

use howdah_error::{Error, Kind, Result};
use howdah_pg::RetryPolicy;
use howdah_stream::{CommitRequests, Request, RequestId, Tries, Verdict, failpoint};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::budget::Room;
use crate::metrics::Metrics;

/// Waits between attempts while the database is away: as long as the process lasts, and short
/// enough that clients who ask again find it back soon.
const WAITS: RetryPolicy = RetryPolicy {
    attempts: u32::MAX,
    total: Duration::MAX,
    base: Duration::from_millis(20),
    cap: Duration::from_secs(1),
};

/// How far a request has come; set by the lane and by the client's side.
#[derive(Debug, Default)]
struct Stage(AtomicU8);

const WAITING: u8 = 0;
const TRIED: u8 = 1;
const WITHDRAWN: u8 = 2;

impl Stage {
    /// A transaction with it may be committed from now on; `false` when it was withdrawn.
    fn try_it(&self) -> bool {
        let before = self.0.compare_exchange(WAITING, TRIED, Ordering::SeqCst, Ordering::SeqCst);
        before != Err(WITHDRAWN)
    }

    /// See [`Pending::withdraw`].
    fn withdraw(&self) -> bool {
        self.0.compare_exchange(WAITING, WITHDRAWN, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}

/// What the lane tells about a request.
#[derive(Debug)]
pub enum Told {
    /// What the database said.
    Verdict(Verdict),
    /// Nothing of it is stored, by a failure that another attempt does not mend.
    Failed,
}

/// A request in the queue.
#[derive(Debug)]
struct Job {
    request: Request,
    ticket: Ticket,
}

/// The other half of a job: how to answer it.
#[derive(Debug)]
struct Ticket {
    stage: Arc<Stage>,
    reply: oneshot::Sender<Told>,
    /// Given back when the request is answered.
    _room: Room,
    _counted: Counted,
}

/// A request that is counted as waiting until this is dropped.
#[derive(Debug)]
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(depth: &Arc<AtomicUsize>) -> Self {
        depth.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(depth))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Bounds of a transaction.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// It takes no further request from so many rows on.
    pub rows: usize,
    /// Or from so many bytes of rows.
    pub bytes: usize,
    /// How long it waits for more requests.
    pub linger: Duration,
}

/// How a lane is doing.
#[derive(Debug, Clone)]
pub struct View {
    depth: Arc<AtomicUsize>,
    away: watch::Receiver<Option<Instant>>,
}

impl View {
    /// For how long the database is away; `None` while it is there, as far as is known.
    pub fn away_for(&self) -> Option<Duration> {
        self.away.borrow().map(|since| since.elapsed())
    }

    /// How many requests wait for their commit.
    pub fn depth(&self) -> usize {
        self.depth.load(Ordering::Relaxed)
    }
}

/// A request on its way, and how to learn what became of it.
#[derive(Debug)]
pub struct Pending {
    stage: Arc<Stage>,
    reply: oneshot::Receiver<Told>,
    jobs: mpsc::Sender<Job>,
}

impl Pending {
    /// What the lane tells; `None` when it has ended without a word. Cancel-safe.
    pub async fn told(&mut self) -> Option<Told> {
        // A job that comes to the queue while the lane leaves it stays there unheard, as long as
        // there is a way in: the end of the lane is an answer too.
        tokio::select! {
            biased;
            told = &mut self.reply => told.ok(),
            () = self.jobs.closed() => self.reply.try_recv().ok(),
        }
    }

    /// Takes it out of the queue; `false` when a transaction with it may have been committed.
    pub fn withdraw(&self) -> bool {
        self.stage.withdraw()
    }
}

/// The way into a lane, which ends with the last of them.
#[derive(Debug, Clone)]
pub struct Entrance {
    jobs: mpsc::Sender<Job>,
    view: View,
}

impl Entrance {
    /// Queues a request; `room` bounds the queue.
    pub fn send(&self, request: Request, room: Room) -> Pending {
        let stage = Arc::new(Stage::default());
        let (replier, reply) = oneshot::channel();
        let counted = Counted::new(&self.view.depth);
        let ticket =
            Ticket { stage: Arc::clone(&stage), reply: replier, _room: room, _counted: counted };
        // The room says that the queue is not full; what became of a lane is seen by the waiting.
        let _ = self.jobs.try_send(Job { request, ticket });
        Pending { stage, reply, jobs: self.jobs.clone() }
    }

    /// How the lane is doing.
    pub fn view(&self) -> View {
        self.view.clone()
    }
}

/// A lane that is not running yet.
#[derive(Debug)]
pub struct Lane {
    source: String,
    jobs: mpsc::Receiver<Job>,
    /// Jobs that have to wait for the next transaction.
    left: VecDeque<Job>,
    bounds: Bounds,
    away: watch::Sender<Option<Instant>>,
    metrics: Arc<Metrics>,
}

/// The requests of one transaction.
#[derive(Debug, Default)]
struct Group {
    requests: Vec<Request>,
    tickets: Vec<Ticket>,
}

impl Lane {
    /// A lane for a source, and the way in; at most so many requests have room at once.
    pub fn new(
        source: &str,
        most: usize,
        bounds: Bounds,
        metrics: Arc<Metrics>,
    ) -> (Self, Entrance) {
        let (sender, jobs) = mpsc::channel(most);
        let (away, watching) = watch::channel(None);
        let source = source.to_owned();
        let lane = Self { source, jobs, left: VecDeque::new(), bounds, away, metrics };
        let view = View { depth: Arc::default(), away: watching };
        (lane, Entrance { jobs: sender, view })
    }

    /// Commits until every entrance is gone and every request is answered. Fails when going on
    /// would be wrong: the system was changed by another process.
    pub async fn run<C, F>(mut self, connect: impl Fn() -> F) -> Result<()>
    where
        C: CommitRequests,
        F: Future<Output = Result<C>>,
    {
        let mut writer = None;
        while let Some(group) = self.next_group().await {
            self.settle(group, &mut writer, &connect, Tries::default()).await?;
        }
        Ok(())
    }

    /// The next requests; `None` when no more can come.
    async fn next_group(&mut self) -> Option<Group> {
        let first = match self.left.pop_front() {
            Some(job) => job,
            None => self.jobs.recv().await?,
        };
        let due = Instant::now() + self.bounds.linger;
        let mut group = Group::default();
        let mut ids: HashSet<RequestId> = HashSet::new();
        let (mut rows, mut bytes) = (0, 0);
        let mut waiting = std::mem::take(&mut self.left);
        let mut next = Some(first);
        while let Some(job) = next {
            // A repetition of a request in this group has to find it stored.
            if ids.insert(job.request.id.clone()) {
                rows += job.request.rows.len();
                bytes += job.request.rows.iter().map(|row| row.copy.len()).sum::<usize>();
                group.requests.push(job.request);
                group.tickets.push(job.ticket);
            } else {
                self.left.push_back(job);
            }
            if rows >= self.bounds.rows || bytes >= self.bounds.bytes {
                break;
            }
            next = match waiting.pop_front() {
                Some(job) => Some(job),
                None => tokio::time::timeout_at(due, self.jobs.recv()).await.unwrap_or(None),
            };
        }
        self.left.append(&mut waiting);
        Some(group)
    }

    /// Stores a group, again and again while the database is away.
    async fn settle<C, F>(
        &mut self,
        mut group: Group,
        writer: &mut Option<C>,
        connect: &impl Fn() -> F,
        mut tries: Tries,
    ) -> Result<()>
    where
        C: CommitRequests,
        F: Future<Output = Result<C>>,
    {
        let mut failed = 0;
        loop {
            let error = match self.attempt(&mut group, writer, connect, &mut tries).await {
                Ok(()) => {
                    self.back();
                    return Ok(());
                }
                Err(error) => error,
            };
            *writer = None;
            match error.kind() {
                Kind::Unavailable => {}
                Kind::Conflict => return Err(error),
                _ if group.requests.len() > 1 => {
                    // One of them is to blame: each for itself, so that the others are stored.
                    tracing::warn!(source = self.source, error = %error, "a group failed");
                    for alone in group.apart() {
                        Box::pin(self.settle(alone, writer, connect, tries.clone())).await?;
                    }
                    return Ok(());
                }
                _ => {
                    tracing::error!(source = self.source, error = %error, "a request failed");
                    self.metrics.failed(&self.source);
                    group.tickets.into_iter().for_each(|ticket| {
                        let _ = ticket.reply.send(Told::Failed);
                    });
                    return Ok(());
                }
            }
            failed += 1;
            self.metrics.retried(&self.source);
            self.away(&error, failed);
            tokio::time::sleep(WAITS.wait(failed)).await;
            group.drop_unwanted();
            // Without requests it tries on alone, to see when the database is back.
            if group.requests.is_empty() && self.jobs.is_closed() {
                return Ok(());
            }
        }
    }

    /// One attempt. Requests that nobody waits for any more are left out of it.
    async fn attempt<C, F>(
        &self,
        group: &mut Group,
        writer: &mut Option<C>,
        connect: &impl Fn() -> F,
        tries: &mut Tries,
    ) -> Result<()>
    where
        C: CommitRequests,
        F: Future<Output = Result<C>>,
    {
        let open = match writer.take() {
            Some(open) => open,
            None => connect().await?,
        };
        let writer = writer.insert(open);
        group.drop_unwanted();
        group.keep(|ticket| ticket.stage.try_it());
        if group.requests.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        failpoint::hit("http.grouped").await?;
        let verdicts = writer.commit_requests(&group.requests, tries).await?;
        failpoint::hit("http.stored").await?;
        if verdicts.len() != group.requests.len() {
            return Err(Error::internal("a group of requests has not as many verdicts"));
        }
        self.metrics.committed(&self.source, &group.requests, &verdicts, started.elapsed());
        for (ticket, verdict) in group.tickets.drain(..).zip(verdicts) {
            let _ = ticket.reply.send(Told::Verdict(verdict));
        }
        Ok(())
    }

    fn back(&self) {
        if self.away.borrow().is_some() {
            tracing::info!(source = self.source, "the database is back");
            self.away.send_replace(None);
        }
    }

    fn away(&self, error: &Error, failed: u32) {
        self.away.send_if_modified(|since| {
            let new = since.is_none();
            since.get_or_insert_with(Instant::now);
            new
        });
        if failed == 1 {
            tracing::warn!(source = self.source, %error, "the database is away; requests wait");
        } else {
            tracing::debug!(source = self.source, %error, failed, "the database is still away");
        }
    }
}

impl Group {
    /// Leaves out the requests whose answers nobody waits for.
    fn drop_unwanted(&mut self) {
        self.keep(|ticket| !ticket.reply.is_closed());
    }

    fn keep(&mut self, wanted: impl Fn(&Ticket) -> bool) {
        let requests = std::mem::take(&mut self.requests);
        let tickets = std::mem::take(&mut self.tickets);
        for (request, ticket) in requests.into_iter().zip(tickets) {
            if wanted(&ticket) {
                self.requests.push(request);
                self.tickets.push(ticket);
            }
        }
    }

    /// Each request as a group of its own.
    fn apart(self) -> Vec<Self> {
        let pairs = self.requests.into_iter().zip(self.tickets);
        pairs
            .map(|(request, ticket)| Self { requests: vec![request], tickets: vec![ticket] })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;

    /// A lane that ends while requests come in: each has an answer.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn requests_that_meet_the_end_of_their_lane_are_answered() {
        const REQUESTS: usize = 100_000;
        let bounds = Bounds { rows: 10, bytes: 1_000, linger: Duration::ZERO };
        let (budget, metrics) = (Budget::new(REQUESTS, 1_000), Arc::new(Metrics::new()));
        for round in 0..2_000 {
            let (lane, entrance) = Lane::new("orders", REQUESTS, bounds, Arc::clone(&metrics));
            let ending = tokio::spawn(async move { drop(lane) });
            // As long as it is there, so that one of them comes just then.
            let sends = std::iter::from_fn(|| {
                (!entrance.jobs.is_closed()).then(|| send_one(&entrance, &budget))
            });
            let sent: Vec<Pending> = sends.collect();
            for mut pending in sent {
                let told = tokio::time::timeout(Duration::from_secs(20), pending.told()).await;
                assert!(told.is_ok_and(|told| told.is_none()), "round {round} has no answer");
            }
            ending.await.expect("the lane ends");
        }
    }

    fn send_one(entrance: &Entrance, budget: &Budget) -> Pending {
        let id = RequestId { api_key: 0, name: String::new() };
        let request = Request { id, fingerprint: [0; 32], rows: Vec::new(), events: Vec::new() };
        entrance.send(request, budget.enter().expect("room for all"))
    }
}
