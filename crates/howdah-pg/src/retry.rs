//! Trying again, bounded, with full jitter.
//!
//! The wait before attempt *n* is uniform in `0..min(cap, base · 2^(n-1))`: "full jitter" of
//! M. Brooker, *Exponential Backoff And Jitter* (AWS Architecture Blog, 2015).

use std::time::{Duration, Instant};

use crate::fault::{Classified, Fault};

/// How often and how long to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The most attempts, the first one included; at least one is made.
    pub attempts: u32,
    /// No new attempt starts later than this after the first one.
    pub total: Duration,
    /// The upper bound of the first wait.
    pub base: Duration,
    /// The upper bound of every wait.
    pub cap: Duration,
}

impl Default for RetryPolicy {
    /// Eight attempts within 30 s, waits from 50 ms to 5 s.
    fn default() -> Self {
        Self {
            attempts: 8,
            total: Duration::from_secs(30),
            base: Duration::from_millis(50),
            cap: Duration::from_secs(5),
        }
    }
}

impl RetryPolicy {
    /// The upper bound of the wait after `failed` attempts.
    fn bound(&self, failed: u32) -> Duration {
        let doublings = failed.saturating_sub(1).min(31);
        self.base.saturating_mul(1 << doublings).min(self.cap)
    }

    /// A random wait after `failed` attempts, from nothing to the bound.
    #[must_use]
    pub fn wait(&self, failed: u32) -> Duration {
        self.bound(failed).mul_f64(rand::random_range(0.0..=1.0))
    }
}

/// Runs `attempt` until it succeeds, fails for good, or `policy` is used up; gives its last error.
///
/// Only [`Fault::Retry`] and [`Fault::Reconnect`] are tried again. The attempt must be safe to
/// repeat: one whole transaction whose effect a lost commit reply cannot double, on a connection
/// that it takes anew each time. `what` names it in the log.
pub async fn retry<T, E, F>(
    policy: &RetryPolicy,
    what: &str,
    mut attempt: impl FnMut() -> F,
) -> Result<T, E>
where
    E: Classified + std::fmt::Display,
    F: Future<Output = Result<T, E>>,
{
    let start = Instant::now();
    let mut failed = 0;
    loop {
        let error = match attempt().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        failed += 1;
        let fault = error.fault();
        let wait = policy.wait(failed);
        let passing = matches!(fault, Fault::Retry | Fault::Reconnect);
        if !passing || failed >= policy.attempts || start.elapsed() + wait > policy.total {
            return Err(error);
        }
        tracing::debug!(what, failed, ?fault, ?wait, "trying again after: {error}");
        tokio::time::sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use howdah_error::{Error, Kind};

    use super::*;

    fn quick(attempts: u32) -> RetryPolicy {
        RetryPolicy {
            attempts,
            total: Duration::from_secs(60),
            base: Duration::ZERO,
            cap: Duration::ZERO,
        }
    }

    /// How often an attempt that always fails with `kind` is made.
    async fn attempts_of(kind: Kind, policy: RetryPolicy) -> u32 {
        let count = Cell::new(0);
        let result: Result<(), Error> = retry(&policy, "test", || {
            count.set(count.get() + 1);
            async { Err(Error::new(kind, "no")) }
        })
        .await;
        assert!(result.is_err());
        count.get()
    }

    #[tokio::test]
    async fn only_passing_faults_are_tried_again() {
        assert_eq!(attempts_of(Kind::Unavailable, quick(5)).await, 5);
        for kind in [Kind::Input, Kind::Refused, Kind::Conflict, Kind::Internal, Kind::Io] {
            assert_eq!(attempts_of(kind, quick(5)).await, 1, "{kind:?}");
        }
        assert_eq!(attempts_of(Kind::Unavailable, quick(0)).await, 1);
    }

    #[tokio::test]
    async fn success_ends_the_attempts() {
        let count = Cell::new(0);
        let result: Result<u32, Error> = retry(&quick(5), "test", || {
            count.set(count.get() + 1);
            let n = count.get();
            async move { if n == 3 { Ok(n) } else { Err(Error::new(Kind::Unavailable, "no")) } }
        })
        .await;
        assert_eq!(result.ok(), Some(3));
    }

    #[tokio::test]
    async fn the_total_time_bounds_the_attempts() {
        let policy = RetryPolicy {
            attempts: u32::MAX,
            total: Duration::ZERO,
            base: Duration::from_secs(3600),
            cap: Duration::from_secs(3600),
        };
        assert!(attempts_of(Kind::Unavailable, policy).await <= 2);
    }

    #[test]
    fn waits_grow_to_the_cap() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.bound(1), Duration::from_millis(50));
        assert_eq!(policy.bound(3), Duration::from_millis(200));
        assert_eq!(policy.bound(u32::MAX), Duration::from_secs(5));
        assert!((0..100).all(|_| policy.wait(2) <= Duration::from_millis(100)));
    }
}
