//! What the process holds of requests at once: bounded by number and by bytes.

use std::sync::Arc;

use hyper::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::answer::Problem;

/// Room for requests.
#[derive(Debug, Clone)]
pub struct Budget {
    requests: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    most_requests: usize,
    most_bytes: usize,
}

/// Room for one request and its bytes; given back when dropped.
#[derive(Debug)]
pub struct Room {
    budget: Budget,
    _request: OwnedSemaphorePermit,
    bytes: Option<OwnedSemaphorePermit>,
    size: usize,
}

impl Budget {
    /// For so many requests with so many bytes together.
    pub fn new(requests: usize, bytes: usize) -> Self {
        let bytes = bytes.min(Semaphore::MAX_PERMITS);
        Self {
            requests: Arc::new(Semaphore::new(requests)),
            bytes: Arc::new(Semaphore::new(bytes)),
            most_requests: requests,
            most_bytes: bytes,
        }
    }

    /// Room for one more request, without bytes yet.
    pub fn enter(&self) -> Result<Room, Problem> {
        let request = Arc::clone(&self.requests)
            .try_acquire_owned()
            .map_err(|_| full(format!("{} requests wait already", self.most_requests)))?;
        Ok(Room { budget: self.clone(), _request: request, bytes: None, size: 0 })
    }

    /// Requests and bytes that are held now.
    pub fn held(&self) -> (usize, usize) {
        (
            self.most_requests.saturating_sub(self.requests.available_permits()),
            self.most_bytes.saturating_sub(self.bytes.available_permits()),
        )
    }
}

impl Room {
    /// Makes the room large enough for `size` bytes.
    pub fn grow(&mut self, size: usize) -> Result<(), Problem> {
        let more = u32::try_from(size.saturating_sub(self.size)).unwrap_or(u32::MAX);
        if more == 0 {
            return Ok(());
        }
        let bytes = Arc::clone(&self.budget.bytes);
        let permit = bytes
            .try_acquire_many_owned(more)
            .map_err(|_| full("the bodies of waiting requests fill the queue".to_owned()))?;
        match &mut self.bytes {
            Some(held) => held.merge(permit),
            None => self.bytes = Some(permit),
        }
        self.size = size;
        Ok(())
    }
}

fn full(detail: String) -> Problem {
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "queue_full", detail).retry_after(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_bounded_and_comes_back() {
        let budget = Budget::new(2, 100);
        let mut first = budget.enter().expect("room");
        first.grow(60).expect("room");
        first.grow(60).expect("the same room");
        let mut second = budget.enter().expect("room");
        let problem = second.grow(41).expect_err("the bytes are taken");
        assert_eq!((problem.status.as_u16(), problem.retry_after), (429, Some(1)));
        assert_eq!(budget.enter().expect_err("the requests are taken").status.as_u16(), 429);
        second.grow(40).expect("exactly what is left");
        assert_eq!(budget.held(), (2, 100));
        drop(first);
        assert_eq!(budget.held(), (1, 40));
        drop(second);
        assert_eq!(budget.held(), (0, 0));
    }
}
