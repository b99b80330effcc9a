//! The jobs of upkeep. Each looks at the database, does the next small step, and says what it did:
//! none has an input, each may be killed anywhere and started again.
//!
//! A job never makes writers or readers wait: what needs a lock asks for it with a short
//! `lock_timeout`, and when somebody holds it, the job says so and looks again later.

mod chunks;
mod fold;
mod horizon;
mod proof;
mod requests;
mod retention;
mod sizes;
mod space;
mod tables;
mod watch;

use std::collections::HashMap;
use std::time::Duration;

use howdah_catalog::{Catalog, RelName};
use howdah_error::{Code, Error, Result};
use howdah_history::keep::Archive;
use howdah_pg::{Connection, from_pg};
use howdah_system::{System, UpkeepConfig};

pub use sizes::{Forecast, read as forecast};

/// One job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Job {
    /// Chunks of now, ahead of it, and of the late times that are accepted.
    Chunks,
    /// Chunks that are old enough become segments.
    Fold,
    /// Late events of folded chunks become segments too.
    Merge,
    /// Events that are kept no longer go, exported first where that is asked for.
    Retention,
    /// The space of folded rows goes back to the system.
    Space,
    /// Rollups are held against their streams.
    Proof,
    /// Tables that autovacuum has not come to are vacuumed and analyzed.
    Tables,
    /// Requests of HTTP that were stored long ago are forgotten.
    Requests,
    /// Sizes are noted, and what they will be.
    Sizes,
    /// Transaction ids, replication slots and long transactions are watched.
    Watch,
}

/// What a step of a job came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// What was done, for people; `None`: there was nothing to do.
    pub did: Option<String>,
    /// What is left to do: chunks, tables or requests.
    pub backlog: i64,
    /// Why it could not be done now.
    pub waits: Option<String>,
    /// What somebody should look at.
    pub warnings: Vec<String>,
}

impl Step {
    /// Something was done, and so much is left.
    fn did(what: impl Into<String>, backlog: i64) -> Self {
        Self { did: Some(what.into()), backlog, ..Self::default() }
    }

    /// It has to wait.
    fn waits(why: impl Into<String>, backlog: i64) -> Self {
        Self { waits: Some(why.into()), backlog, ..Self::default() }
    }

    /// Whether the next step can follow at once.
    pub(crate) fn goes_on(&self) -> bool {
        self.did.is_some() && self.backlog > 0
    }
}

/// What jobs look at.
pub struct Context<'c> {
    /// The session that owns the upkeep.
    pub client: &'c Connection,
    /// The system.
    pub system: &'c System,
    /// The database that it was held against.
    pub catalog: &'c Catalog,
    /// `[upkeep]`.
    pub config: &'c UpkeepConfig,
    /// How long requests of HTTP are kept, when the system takes any.
    pub keep_requests: Option<Duration>,
    /// Where events go before they are dropped.
    pub archive: &'c dyn Archive,
    /// What is left for a later pass, and why: chunks that somebody holds up.
    pub later: &'c mut HashMap<RelName, String>,
}

impl Job {
    /// Every job, in the order in which they are due at the start.
    pub const ALL: [Self; 10] = [
        Self::Chunks,
        Self::Requests,
        Self::Watch,
        Self::Sizes,
        Self::Retention,
        Self::Fold,
        Self::Merge,
        Self::Space,
        Self::Tables,
        Self::Proof,
    ];

    /// Its name in `howdah status`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chunks => "chunks",
            Self::Fold => "fold",
            Self::Merge => "merge",
            Self::Retention => "retention",
            Self::Space => "space",
            Self::Proof => "proof",
            Self::Tables => "tables",
            Self::Requests => "requests",
            Self::Sizes => "sizes",
            Self::Watch => "watch",
        }
    }

    /// How often it looks when there was nothing to do.
    pub(crate) fn every(self, config: &UpkeepConfig) -> Duration {
        let times = match self {
            Self::Chunks | Self::Fold | Self::Merge | Self::Proof | Self::Requests => 1,
            Self::Retention | Self::Space | Self::Watch | Self::Tables => 5,
            Self::Sizes => 60,
        };
        config.every * times
    }

    /// Whether it reads and writes much: such a job keeps to the window.
    pub(crate) fn is_heavy(self) -> bool {
        !matches!(self, Self::Chunks | Self::Requests | Self::Sizes | Self::Watch)
    }

    /// Its next step.
    pub(crate) async fn step(self, context: &mut Context<'_>) -> Result<Step> {
        match self {
            Self::Chunks => chunks::step(context).await,
            Self::Fold => fold::step(context, fold::Which::First).await,
            Self::Merge => fold::step(context, fold::Which::Again).await,
            Self::Retention => retention::step(context).await,
            Self::Space => space::step(context).await,
            Self::Proof => proof::step(context).await,
            Self::Tables => tables::step(context).await,
            Self::Requests => requests::step(context).await,
            Self::Sizes => sizes::step(context).await,
            Self::Watch => watch::step(context).await,
        }
    }
}

/// What makes a job wait instead of fail: a lock that is somebody else's, a stream that cannot be
/// folded as it is.
fn waiting(error: &Error) -> Option<String> {
    let waits = [Code::LockTimeout, Code::FoldUnderWay, Code::CannotFold]
        .map(Some)
        .contains(&error.get_code());
    waits.then(|| match error.get_detail() {
        Some(detail) => format!("{}: {detail}", error.message()),
        None => error.message().to_owned(),
    })
}

/// Runs statements as one transaction of the upkeep that waits 100 ms for a lock. `false`: somebody
/// holds it.
async fn transaction(client: &Connection, context: &str, statements: &[String]) -> Result<bool> {
    let sql = format!(
        "begin; set local lock_timeout = '100ms'; set local statement_timeout = 0; \
         select howdah.hold_upkeep(); {}; commit",
        statements.join("; ")
    );
    let Err(error) = client.batch_execute(&sql).await else { return Ok(true) };
    let _ = client.batch_execute("rollback").await;
    match error.code().map(tokio_postgres::error::SqlState::code) {
        Some("55P03") => Ok(false),
        Some("HD407") => Err(crate::lease::taken("")),
        _ => Err(from_pg(context, &error)),
    }
}
