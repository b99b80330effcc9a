//! Requests that were stored long ago are forgotten: their repetition is no longer expected.

use std::time::Duration;

use howdah_error::Result;
use howdah_pg::{Connection, from_pg};

/// How many are deleted by one statement.
const PIECE: i64 = 10_000;

/// Forgets the requests that were stored longer ago than `keep`; how many.
pub async fn forget(connection: &Connection, keep: Duration) -> Result<u64> {
    let mut forgotten = 0;
    loop {
        let deleted = connection
            .execute(include_str!("requests/forget.sql"), &[&keep.as_secs_f64(), &PIECE])
            .await
            .map_err(|error| from_pg("could not forget old requests", &error))?;
        forgotten += deleted;
        if deleted < PIECE as u64 {
            return Ok(forgotten);
        }
    }
}
