//! `howdah upkeep`: the upkeep alone, until told to end, or what there is to do now.

use howdah_error::Result;
use howdah_upkeep::run::Told;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::run::{stop_on_signals, upkeep_of};
use crate::cli::{Global, OutputFormat, UpkeepArgs};
use crate::session::Session;
use crate::{Outcome, output};

/// Runs it.
pub async fn run(global: &Global, args: &UpkeepArgs) -> Result<Outcome> {
    let session = Session::open(global).await?;
    let result = Box::pin(work(&session, global, args)).await;
    session.close().await?;
    result.map(|()| Outcome::Fine)
}

async fn work(session: &Session, global: &Global, args: &UpkeepArgs) -> Result<()> {
    let shutdown = CancellationToken::new();
    stop_on_signals(shutdown.clone())?;
    let connection = session.connect().await?;
    session.require_current(&connection).await?;
    let model = session.model(&connection).await?;
    drop(connection);
    let upkeep = upkeep_of(session, &model)?;
    if !args.once {
        output::say(&format!("upkeep of {} on {}", model.system.name, session.database_name()));
        howdah_upkeep::run(&upkeep, &shutdown, |_| {}).await;
        return Ok(());
    }
    let mut done = Vec::new();
    let result = howdah_upkeep::once(&upkeep, &shutdown, |told| {
        say(told);
        done.push(describe(told));
    })
    .await;
    if global.format == OutputFormat::Json {
        output::json(&json!({ "version": 1, "steps": done }))?;
    }
    result
}

/// Tells a step in which something happened.
fn say(told: &Told<'_>) {
    let name = told.job.name();
    match told.step {
        Ok(step) => {
            if let Some(did) = &step.did {
                output::say(&format!("{name}: {did}"));
            }
            if let Some(waits) = &step.waits {
                output::say(&format!("{name} waits: {waits}"));
            }
            for warning in &step.warnings {
                output::say(&format!("{name} warns: {warning}"));
            }
        }
        Err(error) => output::say(&format!("{name} failed: {error}")),
    }
}

fn describe(told: &Told<'_>) -> serde_json::Value {
    let name = told.job.name();
    match told.step {
        Ok(step) => json!({
            "job": name, "did": step.did, "backlog": step.backlog, "waits": step.waits,
            "warnings": step.warnings,
        }),
        Err(error) => json!({ "job": name, "error": error.message() }),
    }
}
