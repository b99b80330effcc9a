//! `howdah migrate status|up|down`.

use howdah_error::Result;
use howdah_pg::migrate::{self, MigrateOptions, MigrationState, Migrations};
use serde_json::json;

use crate::cli::{Global, MigrateAction, MigrateArgs, OutputFormat};
use crate::output::{self, Table};
use crate::session::Session;
use crate::{Outcome, command::apply::migrate_up};

/// Runs one of the three.
pub async fn run(global: &Global, args: &MigrateArgs) -> Result<Outcome> {
    let session = Session::open(global).await?;
    let result = act(&session, global.format, &args.action).await;
    session.close().await?;
    result
}

async fn act(session: &Session, format: OutputFormat, action: &MigrateAction) -> Result<Outcome> {
    let connection = session.connect().await?;
    match action {
        MigrateAction::Status => {
            let migrations = Migrations::load(&session.migrations())?;
            let statuses = migrate::status(&connection, &migrations).await?;
            let is_applied = |state: &_| matches!(state, MigrationState::Applied { .. });
            let fine = statuses.iter().all(|status| is_applied(&status.state));
            let mut table = Table::new(&["version", "name", "state"]);
            let mut list = Vec::new();
            for status in statuses {
                let state = state(&status.state);
                list.push(json!({
                    "version": status.version, "name": status.description, "state": state,
                }));
                table.row(vec![status.version.to_string(), status.description, state]);
            }
            if format == OutputFormat::Json {
                output::json(&json!({ "version": 1, "migrations": list }))?;
            } else {
                table.print()?;
            }
            return Ok(if fine { Outcome::Fine } else { Outcome::Findings });
        }
        MigrateAction::Up { to } => {
            let options = MigrateOptions { target: *to, ..MigrateOptions::default() };
            let applied = migrate_up(&connection, session, &options, &output::say).await?;
            output::say(&format!("{applied} migrations applied"));
        }
        MigrateAction::Down { to } => {
            let migrations = Migrations::load(&session.migrations())?;
            let options = MigrateOptions::default();
            let reverted = migrate::down(&connection, &migrations, *to, &options, |event| {
                output::say(&format!("migration {event}"));
            })
            .await?;
            output::say(&format!("{} migrations taken back", reverted.len()));
        }
    }
    Ok(Outcome::Fine)
}

fn state(state: &MigrationState) -> String {
    match state {
        MigrationState::Pending => "pending".to_owned(),
        MigrationState::Applied { .. } => "applied".to_owned(),
        MigrationState::Edited { .. } => "EDITED after it was applied".to_owned(),
        MigrationState::Missing { .. } => "applied, its file is GONE".to_owned(),
        MigrationState::HalfDone { done, .. } => format!("HALF DONE after statement {done}"),
        MigrationState::Dirty => "FAILED under sqlx".to_owned(),
    }
}
