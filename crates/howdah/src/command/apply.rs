//! `howdah apply`: migrations, then policies.

use howdah_error::{Code, Error, Kind, Result};
use howdah_history::drop_views;
use howdah_pg::migrate::{self, MigrateOptions, MigrationEvent, Migrations};
use howdah_pg::{Connection, RightsFinding, check_rights};
use howdah_upkeep::apply::{Event, apply};

use crate::cli::{ApplyArgs, Global};
use crate::session::Session;
use crate::{Outcome, output};

/// Brings the database to what the system file says.
pub async fn run(global: &Global, args: &ApplyArgs) -> Result<Outcome> {
    let session = Session::open(global).await?;
    let result = apply_all(&session, &args.allow).await;
    session.close().await?;
    result.map(|steps| {
        if steps == 0 {
            output::say("nothing to do: the database is as the system file says");
        }
        Outcome::Fine
    })
}

/// Migrations, then the plan; gives the number of files and steps that were run.
pub async fn apply_all(session: &Session, allow: &[String]) -> Result<usize> {
    Box::pin(apply_told(session, allow, &output::say)).await
}

/// [`apply_all`] that tells each file and step to `say`.
pub async fn apply_told(session: &Session, allow: &[String], say: &dyn Fn(&str)) -> Result<usize> {
    let connection = session.connect().await?;
    refuse_missing_rights(&connection).await?;
    let options = MigrateOptions::default();
    let mut count = match Box::pin(migrate_up(&connection, session, &options, say)).await {
        // The views of histories name every column; the plan makes them anew.
        Err(error) if hangs_on_a_view(&error) && drop_views(&connection).await? > 0 => {
            say("dropped the views of histories, which a migration would have to change");
            Box::pin(migrate_up(&connection, session, &options, say)).await?
        }
        done => done?,
    };
    let model = Box::pin(session.model(&connection)).await?;
    let (plan, _) = Box::pin(session.plan(&connection, &model)).await?;
    for note in &plan.notes {
        say(&format!("note: {}", note.message));
        if let Some(hint) = &note.hint {
            say(&format!("  Hint: {hint}"));
        }
    }
    let told = |event: Event<'_>| match event {
        Event::Begin(step, number, of) => say(&format!("[{number}/{of}] {}", step.title)),
        Event::AlreadyDone(_) => say("      done already"),
        Event::Done(_) => {}
    };
    Box::pin(apply(&connection, &model.system, &plan, allow, told)).await?;
    count += plan.steps.len();
    Ok(count)
}

/// Whether a migration failed since a view names a column that it drops or alters.
fn hangs_on_a_view(error: &Error) -> bool {
    let report = error.report();
    error.get_code() == Some(Code::MigrationFailed)
        && (report.contains("SQLSTATE 2BP01") || report.contains("used by a view"))
}

/// Applies pending migrations, if there is a folder of them; gives how many.
pub async fn migrate_up(
    connection: &Connection,
    session: &Session,
    options: &MigrateOptions,
    say: &dyn Fn(&str),
) -> Result<usize> {
    let folder = session.migrations();
    if !folder.is_dir() {
        return Ok(0);
    }
    let migrations = Migrations::load(&folder)?;
    let applied = migrate::up(connection, &migrations, options, |event| {
        if !matches!(event, MigrationEvent::Started { .. }) {
            say(&format!("migration {event}"));
        }
    })
    .await?;
    Ok(applied.len())
}

async fn refuse_missing_rights(connection: &Connection) -> Result<()> {
    let findings = check_rights(connection).await?;
    let lacks = |finding: &RightsFinding| finding.needed && !finding.ok;
    let Some(first) = findings.into_iter().find(lacks) else { return Ok(()) };
    let error = Error::new(Kind::Refused, first.what).code(Code::MissingRight);
    Err(match first.hint {
        Some(hint) => error.hint(hint),
        None => error,
    })
}
