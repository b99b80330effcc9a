//! What is applied and what is not, and whether history and folder agree.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::SystemTime;

use howdah_error::{Code, Error, Kind, Result};
use tokio_postgres::Client;

use super::history::{Applied, History};
use super::{Difference, Direction, Migrations};

/// One version of the folder or of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStatus {
    /// The version.
    pub version: i64,
    /// Its description.
    pub description: String,
    /// The file that goes up, if it is there.
    pub file: Option<PathBuf>,
    /// Whether there is a file that goes down.
    pub can_go_down: bool,
    /// How it stands.
    pub state: MigrationState,
}

/// How a migration stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MigrationState {
    /// Not applied yet.
    Pending,
    /// Applied, and the file is as it was then.
    Applied {
        /// When.
        at: SystemTime,
    },
    /// Applied, and the file was changed since.
    Edited {
        /// When it was applied.
        at: SystemTime,
        /// What was changed.
        difference: Difference,
    },
    /// Applied, and the file is gone.
    Missing {
        /// When it was applied.
        at: SystemTime,
    },
    /// A file outside a transaction stopped half-way.
    HalfDone {
        /// Which way it led.
        direction: Direction,
        /// Statements done.
        done: usize,
        /// The statement behind them may or may not have been done.
        in_flight: bool,
    },
    /// sqlx has marked it as failed.
    Dirty,
}

/// Every version that the folder or the history knows, in order. Changes nothing.
pub async fn status(client: &Client, migrations: &Migrations) -> Result<Vec<MigrationStatus>> {
    let mut applied = match History::find(client).await? {
        Some(history) => history.read(client).await?,
        None => BTreeMap::new(),
    };
    let mut all: BTreeMap<i64, MigrationStatus> = BTreeMap::new();
    for migration in migrations.iter() {
        let state = match applied.remove(&migration.version) {
            None => MigrationState::Pending,
            Some(applied) => state(applied, Some((&migration.up.text, &migration.up.checksum()))),
        };
        let status = MigrationStatus {
            version: migration.version,
            description: migration.description.clone(),
            file: Some(migration.up.path.clone()),
            can_go_down: migration.down.is_some(),
            state,
        };
        all.insert(migration.version, status);
    }
    for (version, applied) in applied {
        let description = applied.description.clone();
        let state = state(applied, None);
        let status =
            MigrationStatus { version, description, file: None, can_go_down: false, state };
        all.insert(version, status);
    }
    Ok(all.into_values().collect())
}

/// `file` is the text and its checksum.
fn state(applied: Applied, file: Option<(&str, &[u8])>) -> MigrationState {
    let at = applied.at;
    match (applied.success, applied.progress, file) {
        (false, Some(progress), _) => MigrationState::HalfDone {
            direction: progress.direction,
            done: progress.done,
            in_flight: progress.in_flight,
        },
        (false, None, _) => MigrationState::Dirty,
        (true, _, None) => MigrationState::Missing { at },
        (true, _, Some((_, checksum))) if checksum == applied.checksum => {
            MigrationState::Applied { at }
        }
        (true, progress, Some((text, _))) => {
            let known = progress.as_ref().map(|progress| progress.sql.as_str());
            MigrationState::Edited { at, difference: Difference::between(known, text) }
        }
    }
}

/// HD0202 when an applied file was edited; all of them, each with its difference.
pub(super) fn check_edited(
    applied: &BTreeMap<i64, Applied>,
    migrations: &Migrations,
) -> Result<()> {
    let mut edited = String::new();
    for migration in migrations.iter() {
        let file = Some((migration.up.text.as_str(), migration.up.checksum()));
        let Some(applied) = applied.get(&migration.version) else { continue };
        let file = file.as_ref().map(|(text, checksum)| (*text, checksum.as_slice()));
        if let MigrationState::Edited { difference, .. } = state(applied.clone(), file) {
            let _ = write!(edited, "\n{}: {difference}", migration.up.name());
        }
    }
    if edited.is_empty() {
        return Ok(());
    }
    Err(Error::new(Kind::Conflict, "an applied migration was edited")
        .code(Code::MigrationEdited)
        .detail(edited.trim_start().to_owned())
        .hint("Put the file back as it was applied, and write a new migration for the change."))
}

/// HD0205 when an applied version has no file.
pub(super) fn check_missing(
    applied: &BTreeMap<i64, Applied>,
    migrations: &Migrations,
) -> Result<()> {
    let missing: Vec<_> = applied
        .iter()
        .filter(|(version, _)| migrations.get(**version).is_none())
        .map(|(version, applied)| format!("{version} ({})", applied.description))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::new(Kind::Conflict, "an applied migration has no file")
        .code(Code::MigrationMissing)
        .detail(format!("Applied, but not in the folder: {}.", missing.join(", ")))
        .hint("Is this the right folder and branch? Put the files back."))
}
