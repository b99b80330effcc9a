//! The tables of rollups and states: made, adopted, changed, retired, rebuilt.
//!
//! Whatever changes what a batch has to write also moves the generation, under the stream's lock:
//! a writer that started before stops at its next batch instead of leaving a rollup behind.

use howdah_catalog::{Catalog, Literal, RelName, Relation};
use howdah_error::Result;
use howdah_rollup::judge::ForeignColumn;
use howdah_rollup::lock::AdvisoryLock;
use howdah_rollup::{recompute, table};
use howdah_system::{Level, Rollup, Stream, System};

use crate::change::Change;
use crate::facts::Facts;
use crate::step::{Action, Lock, LockMode, Plan, Step};

pub(crate) const NEXT_GENERATION: &str = "update howdah.generation set generation = generation + 1";

pub(crate) fn plan(
    plan: &mut Plan,
    system: &System,
    rollup: &Rollup,
    catalog: &Catalog,
    facts: &Facts,
) -> Result<()> {
    let stream = system.stream_of(rollup);
    for level in &rollup.levels {
        let definition = table::definition(stream, rollup, level);
        let installed = facts.rollups.get(&level.table.plain());
        match catalog.relation(&level.table) {
            None => plan.steps.push(create(stream, rollup, level, &definition)),
            Some(relation) => {
                if installed.is_some_and(|installed| installed.definition == definition) {
                    continue;
                }
                let change = Change { stream, rollup, level, relation };
                plan.steps.push(match installed {
                    Some(installed) => change.own(&installed.definition, &definition),
                    None => change.adopt(&definition)?,
                });
            }
        }
    }
    Ok(())
}

/// The rebuilds that are due, and the tables that no rollup stands for any more.
pub(crate) fn plan_rebuilds(plan: &mut Plan, system: &System, catalog: &Catalog, facts: &Facts) {
    for rollup in &system.rollups {
        let stream = system.stream_of(rollup);
        let has_rows =
            facts.tables.get(&stream.table).is_some_and(|table| table.newest_us.is_some());
        for (index, level) in rollup.levels.iter().enumerate() {
            let installed = facts.rollups.get(&level.table.plain());
            let definition = table::definition(stream, rollup, level);
            let ready = installed.is_some_and(|have| have.ready && have.definition == definition);
            // A table that is made over an empty stream is right from the start; one that was there
            // before may hold anything.
            let relation = catalog.relation(&level.table);
            if ready || (relation.is_none() && installed.is_none() && !has_rows) {
                continue;
            }
            let foreign = relation.is_some_and(|relation| {
                !foreign_columns(stream, rollup, level, relation).is_empty()
            });
            plan.steps.push(rebuild(stream, rollup, index, foreign));
        }
    }
    let wanted: Vec<String> = system
        .rollups
        .iter()
        .flat_map(|rollup| rollup.levels.iter().map(|level| level.table.plain()))
        .collect();
    for relation in facts.rollups.keys().filter(|relation| !wanted.contains(relation)) {
        plan.steps.push(retire(relation));
    }
}

/// The columns of a state's table that are the application's own.
#[must_use]
pub fn foreign_columns(
    stream: &Stream,
    rollup: &Rollup,
    level: &Level,
    relation: &Relation,
) -> Vec<ForeignColumn> {
    let ours = table::table_columns(stream, rollup, level);
    relation
        .columns
        .iter()
        .filter(|column| !ours.iter().any(|own| own.name == column.name))
        .map(|column| ForeignColumn {
            name: column.name.clone(),
            default: format!(
                "({})::{}",
                column.default.as_deref().unwrap_or("null"),
                column.type_name
            ),
        })
        .collect()
}

pub(crate) fn register(stream: &Stream, level: &Level, definition: &str, ready: &str) -> String {
    format!(
        "insert into howdah.rollups (relation, stream, definition, ready) \
         values ({}, {}, {}, {ready}) on conflict (relation) do update set \
         definition = excluded.definition, ready = excluded.ready, rebuilt_to = null",
        Literal(&level.table.plain()),
        Literal(&stream.table.plain()),
        Literal(definition),
    )
}

pub(crate) fn registered_check(level: &Level, definition: &str) -> String {
    format!(
        "select case when to_regclass({}) is null then false else exists (select from \
         howdah.rollups where relation = {} and definition = {}) end",
        Literal(&level.table.to_string()),
        Literal(&level.table.plain()),
        Literal(definition)
    )
}

pub(crate) fn kind_of(rollup: &Rollup) -> &'static str {
    if rollup.is_state() { "state" } else { "rollup" }
}

fn create(stream: &Stream, rollup: &Rollup, level: &Level, definition: &str) -> Step {
    let empty = format!("not exists (select from {})", stream.table);
    let kind = kind_of(rollup);
    Step::new(
        format!("rollup {}", level.table.plain()),
        format!("make the {kind} {} of {}", level.table.plain(), stream.table.plain()),
        vec![
            AdvisoryLock::stream(stream).exclusive(),
            NEXT_GENERATION.to_owned(),
            table::create(stream, rollup, level),
            format!(
                "comment on table {} is {}",
                level.table,
                Literal(&format!("howdah: {kind} of {}", stream.table.plain()))
            ),
            register(stream, level, definition, &empty),
        ],
    )
    .undo(vec![
        format!("drop table {}", level.table),
        format!("delete from howdah.rollups where relation = {}", Literal(&level.table.plain())),
    ])
    .check(registered_check(level, definition))
}

fn rebuild(stream: &Stream, rollup: &Rollup, index: usize, foreign: bool) -> Step {
    let level = &rollup.levels[index];
    let sample = recompute::rebuild(stream, rollup, index, None, foreign);
    let mut step = Step::new(
        format!("rebuild {}", level.table.plain()),
        format!("compute {} from {}, range by range", level.table.plain(), stream.table.plain()),
        sample,
    )
    .undo(Vec::new())
    .check(format!(
        "select coalesce((select ready from howdah.rollups where relation = {}), false)",
        Literal(&level.table.plain())
    ));
    step.action = Action::Rebuild { rollup: rollup.name.clone(), level: index };
    step
}

/// A table whose rollup left the system file is no longer folded; left alone it would go stale
/// without a sign.
fn retire(relation: &str) -> Step {
    let name = relation.split_once('.').map_or_else(
        || RelName::new("public", relation),
        |(schema, name)| RelName::new(schema, name),
    );
    let mut step = Step::new(
        format!("retire {relation}"),
        format!("drop {relation}: its rollup is no longer in the system file"),
        vec![
            format!("drop table if exists {name}"),
            format!("delete from howdah.rollups where relation = {}", Literal(relation)),
            NEXT_GENERATION.to_owned(),
        ],
    )
    .lock(Lock::moment(LockMode::AccessExclusive, &name))
    .check(format!(
        "select not exists (select from howdah.rollups where relation = {})",
        Literal(relation)
    ));
    step.loses = Some(format!("the rows of {relation}"));
    step
}
