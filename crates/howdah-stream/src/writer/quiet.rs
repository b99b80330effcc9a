//! Streams of which events may be taken back, and a batch that takes none back: its rows go
//! straight into the chunks like any other's.
//!
//! The blocks of a batch are gathered in memory and asked for in one query
//! ([`howdah_rollup::reorganise::quiet`]). Where anything is unusual (another hash of a known
//! number, a transaction in a second block, a block that was taken back, a marker) the staged way
//! does the batch, as it does where events reverse others.

use std::collections::HashSet;

use bytes::{BufMut as _, BytesMut};
use howdah_catalog::Ident;
use howdah_pg::BinaryArray;
use howdah_rollup::reorganise::quiet;
use howdah_system::System;
use tokio_postgres::types::ToSql;

use super::Writer;
use super::events::Events;
use super::failed::{Tried, failed};
use super::retract::CONFLICT;
use super::sql::{Layout, Target};
use super::staged::bounds;
use super::tuple::{Fields, is_null};

/// What of the streams of a source may be written directly although events may be taken back.
#[derive(Debug, Clone, Default)]
pub(super) struct Quiet {
    /// Those of the source's streams that never are: events reverse others, or announce that blocks
    /// are replaced.
    never: Vec<usize>,
    reorganisations: Vec<Blocks>,
}

/// A reorganisation.
#[derive(Debug, Clone)]
struct Blocks {
    /// Those of the source's streams that are in it.
    targets: Vec<usize>,
    /// For each route of the source, the fields of [`quiet::columns`]; none for other streams.
    fields: Vec<Option<Vec<usize>>>,
    is_disturbed: String,
    register: String,
}

impl Quiet {
    /// `streams` are the indexes of `targets` in the system, in the same order.
    pub(super) fn new(
        system: &System,
        streams: &[usize],
        targets: &[Target],
        routes: &[Layout],
    ) -> Self {
        let mut never: Vec<usize> =
            (0..targets.len()).filter(|at| !targets[*at].stream.reverses.is_empty()).collect();
        let mut reorganisations = Vec::new();
        for of in &system.reorganisations {
            let place = |index: &usize| streams.iter().position(|stream| stream == index);
            never.extend(of.marker.as_ref().and_then(|marker| place(&marker.stream)));
            let inside: Vec<usize> = of.of.iter().filter_map(place).collect();
            let columns: Vec<&Ident> =
                quiet::columns(of).into_iter().map(|column| &column.name).collect();
            let mut fields = Vec::with_capacity(routes.len());
            for route in routes {
                let field = |name: &&Ident| route.columns.iter().position(|given| given == *name);
                let found: Option<Vec<usize>> = columns.iter().map(field).collect();
                if found.is_none() && inside.contains(&route.target) {
                    // A column that the database fills in is not known here.
                    never.push(route.target);
                }
                fields.push(found.filter(|_| inside.contains(&route.target)));
            }
            reorganisations.push(Blocks {
                targets: inside,
                fields,
                is_disturbed: quiet::is_disturbed(system, of),
                register: quiet::register(of),
            });
        }
        Self { never, reorganisations }
    }
}

/// Blocks as parameters: an array for each column, each block once.
struct Arrays {
    len: usize,
    columns: Vec<BytesMut>,
    /// Some value is the column's default, which only the database knows.
    defaults: bool,
}

impl Blocks {
    /// The blocks of some events, with what is in one block only.
    fn of(&self, events: &Events<'_>, some: &[usize]) -> Arrays {
        let count = self.fields.iter().flatten().map(Vec::len).next().unwrap_or_default();
        let mut arrays = Arrays { len: 0, columns: vec![BytesMut::new(); count], defaults: false };
        let mut known: HashSet<Box<[u8]>> = HashSet::new();
        let mut key: Vec<u8> = Vec::new();
        let rows = some.iter().flat_map(|event| events.all[*event].rows.clone());
        for row in rows.map(|row| &events.rows[row]) {
            let Some(places) = self.fields.get(row.route).and_then(Option::as_ref) else {
                continue;
            };
            let fields: Vec<&[u8]> = Fields::of(&row.copy).collect();
            key.clear();
            let picked = || places.iter().filter_map(|place| fields.get(*place));
            picked().for_each(|field| key.extend_from_slice(field));
            if known.contains(key.as_slice()) {
                continue;
            }
            known.insert(key.as_slice().into());
            arrays.len += 1;
            arrays.defaults |= picked().any(|field| is_null(field));
            for (column, field) in arrays.columns.iter_mut().zip(picked()) {
                column.put_slice(field);
            }
        }
        arrays
    }
}

/// The blocks of some events, for each reorganisation that they meet.
pub(super) struct Gathered<'q>(Vec<(&'q Blocks, Arrays)>);

impl Writer {
    /// Whether the events of a part take nothing back and were not taken back, so that they may go
    /// straight into the chunks. `gathered` are their blocks.
    pub(super) async fn is_quiet(
        &mut self,
        part: &[usize],
        gathered: &Gathered<'_>,
    ) -> Tried<bool> {
        if part.iter().any(|target| self.sql.quiet.never.contains(target)) {
            return Ok(false);
        }
        for (blocks, arrays) in &gathered.0 {
            if arrays.defaults {
                return Ok(false);
            }
            let rows = self.with_blocks(&blocks.is_disturbed, arrays).await?;
            if rows.first().is_none_or(|row| row.get(0)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Makes the blocks of events that were accepted known.
    pub(super) async fn register_blocks(&mut self, gathered: &Gathered<'_>) -> Tried<()> {
        for (blocks, arrays) in &gathered.0 {
            self.with_blocks(&blocks.register, arrays).await?;
        }
        Ok(())
    }

    async fn with_blocks(
        &mut self,
        text: &str,
        arrays: &Arrays,
    ) -> Tried<Vec<tokio_postgres::Row>> {
        let failed = failed("could not look at the blocks of a batch");
        let statement = self.prepared(text).await.map_err(&failed)?;
        let parameters: Vec<BinaryArray<'_>> = arrays
            .columns
            .iter()
            .map(|elements| BinaryArray { len: arrays.len, has_nulls: false, elements })
            .collect();
        let parameters: Vec<&(dyn ToSql + Sync)> =
            parameters.iter().map(|array| array as &(dyn ToSql + Sync)).collect();
        self.connection.query(&statement, &parameters).await.map_err(failed)
    }

    /// Refuses those of the events at `places`, staged from the order `first` on, that are in their
    /// streams with another content. `false`: only the staged way can tell, of these or of
    /// `within`, which repeat events of the batch.
    pub(super) async fn refuse_unlike(
        &mut self,
        events: &mut Events<'_>,
        part: &[usize],
        (places, first): (&[usize], usize),
        within: impl Iterator<Item = usize>,
    ) -> Tried<bool> {
        let sql = self.sql.clone();
        let asking = |target: &usize| sql.corrections.targets[*target].in_conflict.as_ref();
        if part.iter().all(|target| asking(target).is_none()) {
            return Ok(true);
        }
        if !all_alike(events, places, within) {
            return Ok(false);
        }
        let mut unlike: Vec<usize> = Vec::new();
        let (from, to) = bounds(&(first..first + places.len()));
        for query in part.iter().filter_map(asking) {
            let failed = failed("could not compare repeated events");
            let statement = self.prepared(query).await.map_err(&failed)?;
            let rows = self.connection.query(&statement, &[&from, &to]).await.map_err(failed)?;
            let order = |row: &tokio_postgres::Row| row.get::<_, i32>(0) as usize;
            unlike.extend(rows.iter().filter_map(|row| places.get(order(row) - first)));
        }
        unlike.sort_unstable();
        unlike.dedup();
        if !unlike.iter().all(|event| events.stands_alone(*event)) {
            return Ok(false);
        }
        // They stay refused whatever way the batch goes: what they differ from is stored.
        for event in &unlike {
            events.refuse(*event, CONFLICT.0, CONFLICT.1);
        }
        Ok(true)
    }
}

impl Quiet {
    /// The blocks of the events of a part that are not refused.
    pub(super) fn gather(&self, events: &Events<'_>, part: &[usize]) -> Gathered<'_> {
        let live = events.live(part);
        let met = self.reorganisations.iter();
        let met = met.filter(|of| of.targets.iter().any(|target| part.contains(target)));
        Gathered(met.map(|blocks| (blocks, blocks.of(events, &live))).collect())
    }
}

/// Whether each event of `within` has the very tuples of an earlier one of `places`.
fn all_alike(events: &Events<'_>, places: &[usize], within: impl Iterator<Item = usize>) -> bool {
    let mut within = within.peekable();
    if within.peek().is_none() {
        return true;
    }
    let content = |event: usize| -> Vec<(usize, &[u8])> {
        let rows = &events.rows[events.all[event].rows.clone()];
        rows.iter().map(|row| (row.route, &row.copy[..])).collect()
    };
    let mut again: HashSet<usize> = within.collect();
    let mut seen: HashSet<Vec<(usize, &[u8])>> = HashSet::with_capacity(places.len());
    for event in places {
        if !seen.insert(content(*event)) {
            again.remove(event);
        }
    }
    again.is_empty()
}
