//! The segment policy of a stream against what is folded already: other columns of `by`, or no
//! policy any more. And chunks of another width than the stream's, which stay.

use howdah_catalog::{Catalog, RelName, name};
use howdah_system::{Stream, System};

use crate::chunk::{self, CHUNK_SCHEMA, Chunk};
use crate::facts::{Facts, FoldedLayout};
use crate::history;
use crate::step::{Action, Lock, LockMode, Note, Plan, Step};

pub(crate) fn plan(plan: &mut Plan, system: &System, catalog: &Catalog, facts: &Facts) {
    for stream in &system.streams {
        let layouts = facts.tables.get(&stream.table).map_or(&[][..], |table| &table.layouts);
        let filled: Vec<&FoldedLayout> = layouts.iter().filter(|layout| layout.filled).collect();
        let other: Vec<&FoldedLayout> = match &stream.segment {
            Some(_) => filled.into_iter().filter(|it| it.plain != history::plain(stream)).collect(),
            None => filled,
        };
        if !other.is_empty() {
            plan.steps.push(step(stream, &other));
        }
        note_widths(plan, stream, catalog);
    }
}

fn step(stream: &Stream, layouts: &[&FoldedLayout]) -> Step {
    let table = stream.table.plain();
    let tables: Vec<String> = layouts.iter().map(|layout| layout.table.plain()).collect();
    let (id, title, action) = if stream.segment.is_some() {
        let by = history::plain(stream);
        let by = if by.is_empty() { "nothing".to_owned() } else { by.join(", ") };
        (
            format!("regroup {table}"),
            format!("fold the segments of {table} again by {by}, chunk by chunk"),
            Action::Regroup { stream: stream.name.clone() },
        )
    } else {
        (
            format!("unfold {table}"),
            format!("put the segments of {table} back into its chunks: it has no segment policy"),
            Action::Unfold { stream: stream.name.clone() },
        )
    };
    let sql = format!(
        "-- for each chunk, in a transaction of its own: the segments in {} become rows again{}",
        name::list(&tables),
        if stream.segment.is_some() { ", and the rows segments" } else { "" }
    );
    Step::new(id, title, vec![sql])
        .lock(Lock::working(LockMode::ShareRowExclusive, &stream.table))
        .undo(Vec::new())
        .outside_transaction()
        .acting(action)
        .check(none_left(layouts.iter().map(|layout| &layout.table)))
}

/// Whether none of the tables holds a segment.
fn none_left<'a>(tables: impl Iterator<Item = &'a RelName>) -> String {
    let parts = tables.map(|table| format!("not exists (select from {table})"));
    format!("select {}", parts.collect::<Vec<_>>().join(" and "))
}

/// Chunks that were made for another `chunk` stay as they are; new ones are made beside them.
fn note_widths(plan: &mut Plan, stream: &Stream, catalog: &Catalog) {
    let own = catalog
        .partitions_of(&stream.table)
        .filter(|partition| partition.name.schema.as_str() == CHUNK_SCHEMA);
    let ranges = own.filter_map(|it| chunk::range_of(&it.partition_of.as_ref()?.bound));
    // One that is cut by its neighbours is narrower too, but ends or begins where a whole one does.
    let other = ranges.filter(|range| {
        Chunk::holding(stream.chunk, range.start)
            .is_some_and(|whole| whole.from_us != range.start && whole.to_us != range.end)
            || Chunk::holding(stream.chunk, range.start)
                .is_some_and(|whole| range.end > whole.to_us)
    });
    let count = other.count();
    if count == 0 {
        return;
    }
    let (table, width) = (stream.table.plain(), stream.chunk);
    plan.notes.push(Note {
        message: format!("{count} chunks of \"{table}\" are of another width than {width}"),
        hint: Some(format!(
            "They stay; new chunks of {width} are made where they end. Nothing has to be done."
        )),
    });
}
