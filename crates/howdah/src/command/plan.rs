//! `howdah plan`: what apply would do.

use howdah_catalog::Catalog;
use howdah_error::Result;
use howdah_pg::migrate::{self, MigrationState, Migrations};
use howdah_pg::{Connection, introspect_scope};
use howdah_plan::{Plan, Step};
use howdah_upkeep::MODEL;
use serde::Serialize;

use crate::cli::{Global, OutputFormat, PlanArgs};
use crate::session::{Model, Session};
use crate::{Outcome, output};

/// The plan as JSON.
#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    migrations: &'a [String],
    plan: Option<&'a Plan>,
}

/// Prints the plan; exit 1 when there is something to do.
pub async fn run(global: &Global, args: &PlanArgs) -> Result<Outcome> {
    let session = Session::open(global).await?;
    let outcome = print(&session, global, args).await;
    session.close().await?;
    outcome
}

async fn print(session: &Session, global: &Global, args: &PlanArgs) -> Result<Outcome> {
    let connection = session.connect().await?;
    let pending = pending(&connection, session).await?;
    let plan = if pending.is_empty() {
        let model = session.model(&connection).await?;
        Some(session.plan(&connection, &model).await?.0)
    } else {
        let catalog = introspect_scope(&connection, MODEL).await?;
        rehearse(session, &connection, &catalog, &pending).await?
    };
    let names: Vec<String> = pending.iter().map(|(name, _)| name.clone()).collect();
    if global.format == OutputFormat::Json {
        output::json(&Report { version: 1, migrations: &names, plan: plan.as_ref() })?;
    } else {
        print_text(&names, plan.as_ref(), args.sql)?;
    }
    let nothing = names.is_empty() && plan.is_some_and(|plan| plan.steps.is_empty());
    Ok(if nothing { Outcome::Fine } else { Outcome::Findings })
}

/// The files that are not applied: name and text.
async fn pending(connection: &Connection, session: &Session) -> Result<Vec<(String, String)>> {
    let folder = session.migrations();
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let migrations = Migrations::load(&folder)?;
    let status = migrate::status(connection, &migrations).await?;
    Ok(status
        .iter()
        .filter(|status| matches!(status.state, MigrationState::Pending))
        .filter_map(|status| {
            let file = &migrations.get(status.version)?.up;
            Some((file.name(), file.text.clone()))
        })
        .collect())
}

/// On a database without tables the pending migrations are tried in a transaction that is rolled
/// back, so that the plan is whole; on any other one that would take locks, and the plan of what
/// they make comes after them.
async fn rehearse(
    session: &Session,
    connection: &Connection,
    catalog: &Catalog,
    pending: &[(String, String)],
) -> Result<Option<Plan>> {
    if !catalog.relations.is_empty() {
        return Ok(None);
    }
    let failed = |error| howdah_pg::from_pg("could not rehearse the migrations", &error);
    connection.batch_execute("begin").await.map_err(failed)?;
    let result = async {
        for (_, text) in pending {
            if connection.batch_execute(text).await.is_err() {
                return Ok(None);
            }
        }
        let catalog =
            howdah_pg::introspect_in_txn(&**connection, howdah_pg::Scope::default()).await?;
        let system = session.resolve(connection, &catalog).await?;
        let model = Model { catalog, system };
        session.plan_in_txn(connection, &model).await.map(|(plan, _)| Some(plan))
    }
    .await;
    let _ = connection.batch_execute("rollback").await;
    result
}

fn print_text(pending: &[String], plan: Option<&Plan>, sql: bool) -> Result<()> {
    if !pending.is_empty() {
        output::line(&format!("{} pending migrations, applied first:", pending.len()))?;
        for name in pending {
            output::line(&format!("  {name}"))?;
        }
        output::line("")?;
    }
    let Some(plan) = plan else {
        return output::line("The steps after them are planned once they are applied.");
    };
    if plan.steps.is_empty() {
        output::line("Nothing to do: the database is as the system file says.")?;
    }
    for (number, step) in plan.steps.iter().enumerate() {
        print_step(number + 1, step, sql)?;
    }
    for note in &plan.notes {
        output::line(&format!("note: {}", note.message))?;
        if let Some(hint) = &note.hint {
            output::line(&format!("  Hint: {hint}"))?;
        }
    }
    Ok(())
}

fn print_step(number: usize, step: &Step, sql: bool) -> Result<()> {
    output::line(&format!("{number:>3}. {}  [{}]", step.title, step.id))?;
    output::line(&format!("     lock: {}", step.lock))?;
    if !step.transactional {
        output::line("     outside a transaction; resumed when broken off")?;
    }
    match step.undo.as_deref() {
        None => output::line("     undo: none")?,
        Some([]) => output::line("     undo: nothing to take back")?,
        Some([one]) => output::line(&format!("     undo: {one}"))?,
        Some([first, rest @ ..]) => {
            output::line(&format!("     undo: {first} (and {} more)", rest.len()))?;
        }
    }
    if let Some(loss) = &step.loses {
        output::line(&format!("     LOSES {loss}; needs --allow \"{}\"", step.id))?;
    }
    if sql {
        for text in step.sql.iter().flat_map(|statement| statement.lines()) {
            output::line(&format!("       {text}"))?;
        }
        output::line(&format!("     check: {}", step.check))?;
    }
    Ok(())
}
