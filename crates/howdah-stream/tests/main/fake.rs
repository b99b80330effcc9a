//! A writer in memory that keeps what a database would, and fails when told to.

use std::sync::{Arc, Mutex, MutexGuard};

use howdah_error::{Code, Error, Kind, Result};
use howdah_stream::{Batch, Claim, Commit, Grant, Mark, Outcome, Position, ShardId, Term};

/// What a commit is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Succeed.
    Commit,
    /// Fail before anything is kept.
    FailBefore,
    /// Keep everything, then lose the reply.
    FailAfter,
    /// Refuse for good.
    Refuse,
    /// The shard is another's for a moment, who commits nothing.
    Lose,
    /// The same, after he has committed the very batch.
    LoseAfter,
}

/// What is durable.
#[derive(Debug, Default)]
pub struct Kept {
    /// The committed position.
    pub position: Option<Position>,
    /// The raw text of each row, in order.
    pub rows: Vec<String>,
    /// The code of each refusal, in order.
    pub refusals: Vec<String>,
    /// How many events each batch had.
    pub batches: Vec<u64>,
    /// Orders for the next commits; commits succeed when there are none left.
    pub orders: Vec<Order>,
    /// Who owns the shard.
    pub owner: Option<String>,
    /// How often it had a new owner.
    pub epoch: i64,
    /// What the source said of the position, and all that it lost.
    pub mark: Mark,
    /// How many writers were made.
    pub writers: usize,
}

/// A database in memory; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Fake(Arc<Mutex<Kept>>);

impl Fake {
    /// What is durable.
    pub fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().expect("no test panics while it holds the lock")
    }

    /// A writer.
    pub fn connect(&self) -> FakeWriter {
        self.kept().writers += 1;
        FakeWriter(self.clone(), 0)
    }
}

/// A connection to the database in memory, and the epoch that it was given.
pub struct FakeWriter(Fake, i64);

impl Commit for FakeWriter {
    async fn acquire(&mut self, _: &ShardId, claim: &Claim) -> Result<Grant> {
        let mut kept = self.0.kept();
        if let Some(owner) = kept.owner.clone().filter(|owner| *owner != claim.owner) {
            return Ok(Grant::Owned { owner, left: claim.lease });
        }
        kept.owner = Some(claim.owner.clone());
        kept.epoch += 1;
        self.1 = kept.epoch;
        let position = kept.position.clone();
        let mark = Mark { losses: vec![], ..kept.mark.clone() };
        Ok(Grant::Held(Term { epoch: self.1, position, mark }))
    }

    async fn release(&mut self, _: &ShardId) -> Result<()> {
        let mut kept = self.0.kept();
        if kept.epoch == self.1 {
            kept.owner = None;
        }
        Ok(())
    }

    async fn commit(&mut self, batch: &Batch) -> Result<Outcome> {
        tokio::task::yield_now().await;
        let mut kept = self.0.kept();
        if kept.epoch != self.1 {
            return Err(Error::new(Kind::Conflict, "another's").code(Code::ShardTaken));
        }
        if kept.position.as_ref() == Some(&batch.to) {
            return Ok(Outcome { already_committed: true, ..Outcome::default() });
        }
        assert_eq!(kept.position, batch.from, "a batch does not continue the last one");
        let order = if kept.orders.is_empty() { Order::Commit } else { kept.orders.remove(0) };
        match order {
            Order::FailBefore => return Err(Error::new(Kind::Unavailable, "away before")),
            Order::Refuse => return Err(Error::new(Kind::Refused, "no")),
            Order::Lose => {
                kept.epoch += 1;
                return Err(Error::new(Kind::Conflict, "another's").code(Code::ShardTaken));
            }
            Order::Commit | Order::FailAfter | Order::LoseAfter => {}
        }
        assert_eq!(batch.events, (batch.rows.len() + batch.refusals.len()) as u64);
        kept.position = Some(batch.to.clone());
        let losses = [kept.mark.losses.as_slice(), &batch.mark.losses].concat();
        kept.mark = Mark { losses, ..batch.mark.clone() };
        kept.batches.push(batch.events);
        let text =
            |row: &howdah_stream::Row| String::from_utf8_lossy(&row.raw.to_bytes()).into_owned();
        kept.rows.extend(batch.rows.iter().map(text));
        kept.refusals.extend(batch.refusals.iter().map(|refusal| refusal.code.clone()));
        if order == Order::LoseAfter {
            kept.epoch += 1;
            return Err(Error::new(Kind::Conflict, "another's").code(Code::ShardTaken));
        }
        if order == Order::FailAfter {
            return Err(Error::new(Kind::Unavailable, "away after"));
        }
        Ok(Outcome {
            rows: batch.rows.len() as u64,
            duplicates: 0,
            dead_letters: batch.refusals.len() as u64,
            already_committed: false,
        })
    }
}
