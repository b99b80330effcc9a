//! Runs the steps of a plan, online.
//!
//! Each step is checked first: one that is done already (the process was killed after it) is
//! passed over. Locks are waited for as long as the session's `lock_timeout` and asked for again
//! with full jitter, so that a long query of somebody else delays apply and never queues others
//! behind it for long. After a step its check must hold.

use howdah_error::{Code, Error, Kind, Result};
use howdah_pg::from_pg;
use howdah_plan::{Action, Plan, Step};
use howdah_system::System;
use tokio_postgres::Client;

use crate::{patient, rebuild, regroup};

/// What apply tells while it works.
#[derive(Debug)]
pub enum Event<'a> {
    /// A step begins: its number from 1, how many there are.
    Begin(&'a Step, usize, usize),
    /// It was done already.
    AlreadyDone(&'a Step),
    /// It is done.
    Done(&'a Step),
}

/// Runs the plan's steps in order. Steps that lose data must be named in `allowed`.
///
/// # Errors
/// A step would lose data and is not allowed: nothing is run. A step fails: those before it stay,
/// and the next apply goes on from there.
pub async fn apply(
    client: &Client,
    system: &System,
    plan: &Plan,
    allowed: &[String],
    mut tell: impl FnMut(Event<'_>),
) -> Result<()> {
    refuse_loss(plan, allowed)?;
    let count = plan.steps.len();
    for (index, step) in plan.steps.iter().enumerate() {
        tell(Event::Begin(step, index + 1, count));
        if is_done(client, step).await? {
            tell(Event::AlreadyDone(step));
            continue;
        }
        let ran = run(client, system, step).await;
        if !matches!(is_done(client, step).await, Ok(true)) {
            ran?;
            return Err(
                step_failed(step).detail("Its statements ran, but its check does not hold.")
            );
        }
        // If it failed, another process did it meanwhile: several make the chunks ahead.
        tell(Event::Done(step));
    }
    Ok(())
}

fn refuse_loss(plan: &Plan, allowed: &[String]) -> Result<()> {
    let refused: Vec<&Step> = plan
        .steps
        .iter()
        .filter(|step| step.loses.is_some() && !allowed.contains(&step.id))
        .collect();
    let Some(first) = refused.first() else { return Ok(()) };
    let losses: Vec<String> = refused
        .iter()
        .map(|step| {
            let loss = step.loses.as_deref().unwrap_or_default();
            format!("Step \"{}\" would lose {loss}.", step.id)
        })
        .collect();
    Err(Error::new(Kind::Conflict, "the plan would lose data; nothing was changed")
        .code(Code::WouldLoseData)
        .detail(losses.join(" "))
        .hint(format!("If that is meant: howdah apply --allow \"{}\".", first.id)))
}

fn step_failed(step: &Step) -> Error {
    Error::new(Kind::Conflict, format!("step \"{}\" failed", step.id)).code(Code::StepFailed)
}

/// Whether a step's check holds. A check may speak of tables that earlier steps make; while they
/// are not there the step is not done.
async fn is_done(client: &Client, step: &Step) -> Result<bool> {
    const UNDEFINED: [&str; 5] = ["42P01", "3F000", "42704", "42883", "42703"];
    match client.query_one(&step.check, &[]).await {
        Ok(row) => Ok(row.try_get::<_, bool>(0).unwrap_or(false)),
        Err(error) if error.code().is_some_and(|state| UNDEFINED.contains(&state.code())) => {
            Ok(false)
        }
        Err(error) => Err(from_pg(&format!("could not check step \"{}\"", step.id), &error)),
    }
}

async fn run(client: &Client, system: &System, step: &Step) -> Result<()> {
    let context = format!("could not run step \"{}\"", step.id);
    let map = |error: tokio_postgres::Error| step_failed(step).source(from_pg(&context, &error));
    match &step.action {
        Action::Rebuild { rollup, level } => {
            rebuild::rebuild_level(client, system, rollup, *level, None, |_| {}).await
        }
        Action::RebuildSpans { rollup, level } => {
            let mut all = system.span_rollups.iter();
            let found = all.find(|found| found.rollup.name == *rollup);
            let found = found.ok_or_else(|| step_failed(step))?;
            rebuild::rebuild_spans(client, system, found, *level).await
        }
        Action::Readers { stream } => {
            let stream = system.stream(stream).ok_or_else(|| step_failed(step))?;
            let catalog = howdah_pg::introspect(client).await?;
            howdah_history::prepare(client, system, &catalog, stream).await
        }
        Action::RebuildDerived { rollup } => {
            let found = system.derived.iter().find(|derived| derived.name == *rollup);
            let derived = found.ok_or_else(|| step_failed(step))?;
            rebuild::rebuild_derived(client, system, derived).await
        }
        Action::Regroup { stream } | Action::Unfold { stream } => {
            let stream = system.stream(stream).ok_or_else(|| step_failed(step))?;
            let again = matches!(step.action, Action::Regroup { .. });
            regroup::run(client, system, stream, again).await
        }
        Action::Sql if step.transactional => {
            patient::transaction(client, &step.id, &joined(&step.sql)).await.map_err(map)
        }
        Action::Sql => outside_transaction(client, step).await.map_err(map),
    }
}

/// Runs the statements one by one, without limits of time: building an index takes as long as it
/// takes, and waits for transactions that are open while everybody else goes on. A wait that is cut
/// off would leave an invalid index, whose name is then taken.
async fn outside_transaction(
    client: &Client,
    step: &Step,
) -> std::result::Result<(), tokio_postgres::Error> {
    const LIMITS: [&str; 2] = ["statement_timeout", "lock_timeout"];
    let mut before = Vec::new();
    for limit in LIMITS {
        before.push(client.query_one("select current_setting($1)", &[&limit]).await?);
    }
    client.batch_execute("set statement_timeout = 0; set lock_timeout = 0").await?;
    let mut ran = Ok(());
    for statement in &step.sql {
        ran = patient::execute(client, &step.id, statement).await;
        if ran.is_err() {
            break;
        }
    }
    // `reset` would give the server's own limits, not those of this session.
    for (limit, row) in LIMITS.iter().zip(before) {
        let value: String = row.get(0);
        client.query_one("select set_config($1, $2, false)", &[limit, &value]).await?;
    }
    ran
}

/// The statements as one text; a statement that brings its own semicolon keeps it alone.
fn joined(sql: &[String]) -> String {
    sql.iter()
        .map(|statement| statement.trim().trim_end_matches(';'))
        .collect::<Vec<_>>()
        .join(";\n")
}
