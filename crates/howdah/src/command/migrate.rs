//! `howdah migrate status|up|down`.

use howdah_error::Result;
use howdah_pg::Connection;
use howdah_pg::migrate::{
    self, InFlight, MigrateOptions, MigrationState, MigrationStatus, Migrations,
};
use serde_json::json;

use crate::cli::{Global, InFlightArg, MigrateAction, MigrateArgs, OutputFormat};
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
        MigrateAction::Status => return status(session, &connection, format).await,
        MigrateAction::Up { to, in_flight } => {
            let options = MigrateOptions { target: *to, ..options(*in_flight) };
            let applied = migrate_up(&connection, session, &options, &output::say).await?;
            output::say(&format!("{applied} migrations applied"));
        }
        MigrateAction::Down { to, in_flight } => {
            let migrations = Migrations::load(&session.migrations())?;
            let to = match to {
                Some(to) => *to,
                None => before_last(&migrate::status(&connection, &migrations).await?),
            };
            let options = options(*in_flight);
            let reverted = migrate::down(&connection, &migrations, to, &options, |event| {
                output::say(&format!("migration {event}"));
            })
            .await?;
            output::say(&format!("{} migrations taken back", reverted.len()));
        }
    }
    Ok(Outcome::Fine)
}

fn options(in_flight: Option<InFlightArg>) -> MigrateOptions {
    let in_flight = in_flight.map(|told| match told {
        InFlightArg::Done => InFlight::Done,
        InFlightArg::Again => InFlight::Again,
    });
    MigrateOptions { in_flight, ..MigrateOptions::default() }
}

/// The version to go down to so that the last one alone is taken back.
fn before_last(statuses: &[MigrationStatus]) -> i64 {
    let known = statuses.iter().filter(|status| status.state != MigrationState::Pending);
    known.rev().nth(1).map_or(-1, |status| status.version)
}

/// Prints how each migration stands; exit 1 unless all are applied as they are.
async fn status(
    session: &Session,
    connection: &Connection,
    format: OutputFormat,
) -> Result<Outcome> {
    let migrations = Migrations::load(&session.migrations())?;
    let statuses = migrate::status(connection, &migrations).await?;
    let is_applied = |state: &_| matches!(state, MigrationState::Applied { .. });
    let fine = statuses.iter().all(|status| is_applied(&status.state));
    if format == OutputFormat::Json {
        let list: Vec<_> = statuses
            .iter()
            .map(|status| {
                json!({
                    "version": status.version,
                    "name": status.description,
                    "state": state(&status.state),
                })
            })
            .collect();
        output::json(&json!({ "version": 1, "migrations": list }))?;
    } else {
        let mut table = Table::new(&["version", "name", "state"]);
        for status in &statuses {
            let name = status.description.clone();
            table.row(vec![status.version.to_string(), name, state(&status.state)]);
        }
        table.print()?;
    }
    for status in &statuses {
        if let MigrationState::Edited { difference, .. } = &status.state {
            output::say(&format!("{} was edited {difference}", status.version));
        }
    }
    Ok(if fine { Outcome::Fine } else { Outcome::Findings })
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
