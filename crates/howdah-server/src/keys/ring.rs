//! The valid keys in memory, read again every two seconds while requests come.
//!
//! All keys are read at once: a flood of made-up secrets so costs the database at most four small
//! queries a second, and a revoked or expired key is out after [`FRESH`] at the latest.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use howdah_error::{Error, Kind, Result};
use howdah_pg::{Pool, from_pg};
use tokio::sync::Mutex;

use super::scope::Scope;
use super::secret::hash;

/// How old the keys may be.
const FRESH: Duration = Duration::from_secs(2);
/// The least time between two reads. Whoever comes with a key that is not known waits for the next
/// one: a new key works at once, and a made-up one is not told so any faster.
const BETWEEN: Duration = Duration::from_millis(250);
/// How old they may be while the database is away.
const STALE: Duration = Duration::from_secs(10);
/// How long reading them may take.
const READ: Duration = Duration::from_secs(2);

/// A valid key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its number.
    pub id: i64,
    /// The beginning of its secret, for the log.
    pub shown: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Whose events it sends.
    pub tenant: Option<String>,
}

impl Key {
    /// Whether it may do this.
    pub fn may(&self, scope: &Scope) -> bool {
        self.scopes.contains(scope)
    }

    /// Whether it may send events into this stream.
    pub fn may_write(&self, stream: &str) -> bool {
        self.scopes.iter().any(|scope| matches!(scope, Scope::Write(name) if name == stream))
    }
}

/// All valid keys at one moment.
struct Loaded {
    keys: HashMap<[u8; 32], Arc<Key>>,
    /// When reading them began.
    at: Instant,
}

/// Finds keys by their secrets.
pub struct Keyring {
    pool: Pool,
    loaded: RwLock<Option<Arc<Loaded>>>,
    /// One reads, the others wait for it; when a read last failed.
    reading: Mutex<Option<Instant>>,
}

impl Keyring {
    /// The keys of the database behind this pool.
    pub fn new(pool: Pool) -> Self {
        Self { pool, loaded: RwLock::new(None), reading: Mutex::new(None) }
    }

    /// The key with this secret, if there is a valid one. Fails when the keys cannot be read.
    pub async fn find(&self, secret: &str) -> Result<Option<Arc<Key>>> {
        let hash = hash(secret);
        let fresh = self.loaded().filter(|loaded| loaded.at.elapsed() < FRESH);
        if let Some(found) = fresh.and_then(|loaded| loaded.keys.get(&hash).cloned()) {
            return Ok(Some(found));
        }
        let loaded = self.read(Instant::now()).await?;
        Ok(loaded.keys.get(&hash).cloned())
    }

    fn loaded(&self) -> Option<Arc<Loaded>> {
        self.loaded.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The keys as they are in the database, or were when another request has read them after
    /// `asked`, or were a moment ago when the database is away.
    async fn read(&self, asked: Instant) -> Result<Arc<Loaded>> {
        let mut failed_at = self.reading.lock().await;
        if let Some(loaded) = self.loaded().filter(|loaded| loaded.at >= asked) {
            return Ok(loaded);
        }
        // While the database is away not every request tries it anew.
        let tried = failed_at.is_some_and(|at| at.elapsed() < BETWEEN || at >= asked);
        if let Some(loaded) = self.loaded() {
            tokio::time::sleep(BETWEEN.saturating_sub(loaded.at.elapsed())).await;
        }
        let at = Instant::now();
        let read = if tried { Err(away()) } else { self.query().await };
        match read {
            Ok(keys) => {
                let loaded = Arc::new(Loaded { keys, at });
                let mut place = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
                *place = Some(Arc::clone(&loaded));
                *failed_at = None;
                Ok(loaded)
            }
            Err(error) => {
                if !tried {
                    *failed_at = Some(Instant::now());
                    tracing::warn!(%error, "could not read the API keys");
                }
                self.loaded().filter(|loaded| loaded.at.elapsed() < STALE).ok_or(error)
            }
        }
    }

    async fn query(&self) -> Result<HashMap<[u8; 32], Arc<Key>>> {
        let read = async {
            let connection = self.pool.get().await?;
            connection
                .query(include_str!("valid.sql"), &[])
                .await
                .map_err(|error| from_pg("could not read the API keys", &error))
        };
        let rows = tokio::time::timeout(READ, read).await.map_err(|_| away())??;
        let mut keys = HashMap::with_capacity(rows.len());
        for row in rows {
            let Ok(hash) = <[u8; 32]>::try_from(row.get::<_, &[u8]>(0)) else { continue };
            let scopes: Vec<String> = row.get(3);
            // A scope of a later version opens nothing here.
            let scopes = scopes.iter().filter_map(|scope| scope.parse().ok()).collect();
            let key = Key { id: row.get(1), shown: row.get(2), scopes, tenant: row.get(4) };
            keys.insert(hash, Arc::new(key));
        }
        Ok(keys)
    }
}

fn away() -> Error {
    Error::new(Kind::Unavailable, "the API keys could not be read in time")
}
