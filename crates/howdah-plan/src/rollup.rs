//! The tables of rollups and states: made, adopted, changed, retired, rebuilt.

use howdah_catalog::{Catalog, Literal, RelName, Relation};
use howdah_error::Result;
use howdah_rollup::judge::ForeignColumn;
use howdah_rollup::{derive, recompute, span, table};
use howdah_system::{Derived, Level, Rollup, SpanRollup, Stream, System};

use crate::change::Change;
use crate::facts::Facts;
use crate::filled::{Filled, NEXT_GENERATION};
use crate::index;
use crate::step::{Action, Lock, LockMode, Plan, Step};

/// The tables of all rollups and states, then those of derived rollups, which stand on them.
pub(crate) fn plan(
    plan: &mut Plan,
    system: &System,
    catalog: &Catalog,
    facts: &Facts,
) -> Result<()> {
    let levels = system
        .rollups
        .iter()
        .flat_map(|rollup| rollup.levels.iter().map(move |level| (rollup, level)))
        .map(|(rollup, level)| Filled::level(system, rollup, level));
    let derived = system.derived.iter().map(|derived| Filled::derived(system, derived));
    let of_spans = system.span_rollups.iter().flat_map(|rollup| {
        let levels = 0..rollup.rollup.levels.len();
        levels.map(move |level| Filled::of_spans(system, rollup, level))
    });
    for filled in levels.chain(derived).chain(of_spans) {
        let installed = facts.rollups.get(&filled.shape.table.plain());
        match catalog.relation(&filled.shape.table) {
            None => plan.steps.push(create(&filled)),
            Some(relation) => {
                if installed.is_some_and(|installed| installed.definition == filled.definition) {
                    continue;
                }
                let change = Change { filled: &filled, relation };
                plan.steps.push(match installed {
                    Some(installed) => change.own(&installed.definition),
                    None => change.adopt()?,
                });
            }
        }
    }
    for state in 0..system.rollups.len() {
        index::of_state(plan, system, state, catalog);
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
    for derived in &system.derived {
        let filled = Filled::derived(system, derived);
        let installed = facts.rollups.get(&derived.table.plain());
        let ready =
            installed.is_some_and(|have| have.ready && have.definition == filled.definition);
        let table = |stream: &&Stream| facts.tables.get(&stream.table);
        let has_rows =
            filled.streams.iter().filter_map(table).any(|table| table.newest_us.is_some());
        let was_there = installed.is_some() || catalog.relation(&derived.table).is_some();
        if !ready && (has_rows || was_there) {
            plan.steps.push(rebuild_derived(system, derived));
        }
    }
    for rollup in &system.span_rollups {
        for level in 0..rollup.rollup.levels.len() {
            let filled = Filled::of_spans(system, rollup, level);
            let table = &filled.shape.table;
            let installed = facts.rollups.get(&table.plain());
            let ready =
                installed.is_some_and(|have| have.ready && have.definition == filled.definition);
            let stream = facts.tables.get(&system.stream_of(&rollup.rollup).table);
            let has_rows = stream.is_some_and(|table| table.newest_us.is_some());
            let was_there = installed.is_some() || catalog.relation(table).is_some();
            if !ready && (has_rows || was_there) {
                plan.steps.push(rebuild_spans(system, rollup, level));
            }
        }
    }
    let wanted: Vec<String> = system.made_tables().map(RelName::plain).collect();
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

fn create(filled: &Filled<'_>) -> Step {
    let Filled { shape, kind, .. } = filled;
    let table = &shape.table;
    let empty: Vec<String> = filled
        .streams
        .iter()
        .map(|stream| format!("not exists (select from {})", stream.table))
        .collect();
    let mut sql = filled.next_generation();
    sql.extend([
        shape.create(),
        format!(
            "comment on table {table} is {}",
            Literal(&format!("howdah: {kind} of {}", filled.of()))
        ),
        filled.register(&empty.join(" and ")),
    ]);
    Step::new(
        format!("rollup {}", table.plain()),
        format!("make the {kind} {} of {}", table.plain(), filled.of()),
        sql,
    )
    .undo(vec![
        format!("drop table {table}"),
        format!("delete from howdah.rollups where relation = {}", Literal(&table.plain())),
    ])
    .check(filled.registered_check())
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
    .check(ready_check(&level.table.plain()));
    step.action = Action::Rebuild { rollup: rollup.name.clone(), level: index };
    step
}

fn rebuild_derived(system: &System, derived: &Derived) -> Step {
    let states: Vec<&str> =
        derive::states(derived).map(|state| system.rollups[state].name.as_str()).collect();
    let table = derived.table.plain();
    let mut step = Step::new(
        format!("rebuild {table}"),
        format!("compute {table} from {}", states.join(", ")),
        derive::rebuild(system, derived),
    )
    .undo(Vec::new())
    .check(ready_check(&table));
    step.action = Action::RebuildDerived { rollup: derived.name.clone() };
    step
}

fn rebuild_spans(system: &System, rollup: &SpanRollup, level: usize) -> Step {
    let of = &rollup.rollup;
    let stream = system.stream_of(of);
    let table = of.levels[level].table.plain();
    let mut step = Step::new(
        format!("rebuild {table}"),
        format!("compute {table} from {}", stream.table.plain()),
        span::rebuild(system, rollup, level, stream),
    )
    .undo(Vec::new())
    .check(ready_check(&table));
    step.action = Action::RebuildSpans { rollup: of.name.clone(), level };
    step
}

fn ready_check(table: &str) -> String {
    format!(
        "select coalesce((select ready from howdah.rollups where relation = {}), false)",
        Literal(table)
    )
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
