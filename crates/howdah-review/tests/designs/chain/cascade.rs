//! A writer of chain events, as its review tells of it.

const INITIAL_BACKOFF_SECS: u64 = 1;

fn lock_key(hash: u64) -> i64 {
    ((hash >> 32) ^ (hash & 0xFFFFFFFF)) as i64 & 0x7FFFFFFFFFFFFFFF
}

fn wait(failures: u32) -> u64 {
    let backoff_secs = INITIAL_BACKOFF_SECS * 2u64.pow(failures.saturating_sub(1));
    backoff_secs.min(60)
}

async fn serve() {
    let analytics = tokio::spawn(analytics());
    let http = tokio::spawn(http());
    tokio::signal::ctrl_c().await.unwrap();
    analytics.abort();
    http.abort();
}
