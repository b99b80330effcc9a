//! A table that howdah fills: a level of a rollup, a state, or a derived rollup.
//!
//! Whatever changes what a batch has to write also moves the generation, under the locks of the
//! streams: a writer that started before stops at its next batch instead of leaving a table behind.

use howdah_catalog::Literal;
use howdah_rollup::lock::AdvisoryLock;
use howdah_rollup::table::{self, Shape};
use howdah_rollup::{derive, span};
use howdah_system::{Derived, Level, Rollup, SpanRollup, Stream, System};

pub(crate) const NEXT_GENERATION: &str = "update howdah.generation set generation = generation + 1";

/// The table, and what it is made from.
pub(crate) struct Filled<'a> {
    pub(crate) shape: Shape,
    /// For people: `rollup`, `state` or `derived rollup`.
    pub(crate) kind: &'static str,
    /// Rows come and go: the application can keep nothing in them.
    pub(crate) derived: bool,
    pub(crate) definition: String,
    /// The streams that it stands on, in the order of their locks.
    pub(crate) streams: Vec<&'a Stream>,
}

impl<'a> Filled<'a> {
    pub(crate) fn level(system: &'a System, rollup: &Rollup, level: &Level) -> Self {
        let stream = system.stream_of(rollup);
        Self {
            shape: Shape::of(stream, rollup, level),
            kind: if rollup.is_state() { "state" } else { "rollup" },
            derived: false,
            definition: table::definition(stream, rollup, level),
            streams: vec![stream],
        }
    }

    pub(crate) fn derived(system: &'a System, derived: &Derived) -> Self {
        let streams = derive::streams(system, derived);
        Self {
            shape: derive::shape(system, derived),
            kind: "derived rollup",
            derived: true,
            definition: derive::definition(system, derived),
            streams: streams.into_iter().map(|index| &system.streams[index]).collect(),
        }
    }

    pub(crate) fn of_spans(system: &'a System, rollup: &SpanRollup, level: usize) -> Self {
        Self {
            shape: span::shape(rollup, level),
            kind: "rollup of spans",
            derived: true,
            definition: span::definition(system, rollup, level),
            streams: vec![&system.streams[rollup.rollup.stream]],
        }
    }

    /// For people: the tables of its streams.
    pub(crate) fn of(&self) -> String {
        let tables = self.streams.iter().map(|stream| stream.table.plain());
        tables.collect::<Vec<_>>().join(", ")
    }

    /// No batch is under way, and those that come know that something is new.
    pub(crate) fn next_generation(&self) -> Vec<String> {
        let mut sql = exclusively(&self.streams);
        sql.push(NEXT_GENERATION.to_owned());
        sql
    }

    /// Notes the definition that the table follows from now on; `ready` is SQL.
    pub(crate) fn register(&self, ready: &str) -> String {
        format!(
            "insert into howdah.rollups (relation, stream, definition, ready) \
             values ({}, {}, {}, {ready}) on conflict (relation) do update set \
             stream = excluded.stream, definition = excluded.definition, ready = excluded.ready, \
             rebuilt_to = null",
            Literal(&self.shape.table.plain()),
            Literal(&self.of()),
            Literal(&self.definition),
        )
    }

    pub(crate) fn registered_check(&self) -> String {
        format!(
            "select case when to_regclass({}) is null then false else exists (select from \
             howdah.rollups where relation = {} and definition = {}) end",
            Literal(&self.shape.table.to_string()),
            Literal(&self.shape.table.plain()),
            Literal(&self.definition)
        )
    }
}

/// The statements that wait until no batch into `streams` is under way, and keep new ones waiting.
pub(crate) fn exclusively(streams: &[&Stream]) -> Vec<String> {
    let mut locks: Vec<AdvisoryLock> =
        streams.iter().map(|stream| AdvisoryLock::stream(stream)).collect();
    locks.sort_unstable_by_key(|lock| lock.0);
    locks.into_iter().map(AdvisoryLock::exclusive).collect()
}
