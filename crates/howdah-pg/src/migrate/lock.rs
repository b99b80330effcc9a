//! The advisory lock that lets one runner of migrations in at a time, sqlx's and howdah's alike.

use std::time::{Duration, Instant};

use howdah_error::{Code, Error, Kind, Result};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::MigrationEvent;
use crate::fault::from_pg;

/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(200);

/// Takes the lock, waiting up to `wait`.
///
/// It is tried again and again rather than waited for in the server: a session that waits there
/// holds a snapshot, for which `create index concurrently` of the holder would wait in turn.
pub(super) async fn acquire(
    client: &Client,
    wait: Duration,
    event: &mut impl FnMut(MigrationEvent<'_>),
) -> Result<i64> {
    let failed = |error: tokio_postgres::Error| from_pg("could not lock the migrations", &error);
    let row = client.query_typed("select current_database()::text", &[]).await.map_err(failed)?;
    let database: String =
        row.first().map_or(Ok(String::new()), |row| row.try_get(0)).map_err(failed)?;
    let key = key(&database);
    let start = Instant::now();
    let mut told = false;
    loop {
        let rows = client
            .query_typed("select pg_try_advisory_lock($1)", &[(&key, Type::INT8)])
            .await
            .map_err(failed)?;
        if rows.first().is_some_and(|row| row.try_get(0).unwrap_or(false)) {
            return Ok(key);
        }
        if start.elapsed() >= wait {
            return Err(taken(wait));
        }
        if !std::mem::replace(&mut told, true) {
            event(MigrationEvent::WaitingForLock);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Gives the lock back; a lost connection has done so already.
pub(super) async fn release(client: &Client, key: i64) {
    let _ = client.query_typed("select pg_advisory_unlock($1)", &[(&key, Type::INT8)]).await;
}

fn taken(wait: Duration) -> Error {
    Error::new(Kind::Unavailable, "another process holds the migrations lock")
        .code(Code::LockTimeout)
        .detail(format!("It did not finish within {} s.", wait.as_secs()))
        .hint(
            "Wait for it, or look for it: select pid from pg_locks where locktype = 'advisory' \
             and granted.",
        )
}

/// The key that sqlx 0.6 to 0.9 takes: a constant times the CRC-32 of the database's name
/// (`generate_lock_id` of sqlx-postgres).
fn key(database: &str) -> i64 {
    0x3d32_ad9e * i64::from(crc32(database.as_bytes()))
}

/// CRC-32/ISO-HDLC, bit by bit: the names are short.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_key_is_the_one_of_sqlx() {
        // The check value that the catalogue of CRC algorithms gives for CRC-32/ISO-HDLC.
        assert_eq!(super::crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(super::key("123456789"), 0x3d32_ad9e * 0xcbf4_3926);
    }
}
