//! Waiting on a state instead of on time.

use std::time::{Duration, Instant};

/// Waits until `predicate` holds; panics with `what` when `deadline` passes first.
///
/// # Panics
/// When the state is not reached in time.
pub async fn wait_until<F>(what: &str, deadline: Duration, mut predicate: impl FnMut() -> F)
where
    F: Future<Output = bool>,
{
    let start = Instant::now();
    while !predicate().await {
        assert!(start.elapsed() < deadline, "not reached within {deadline:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
