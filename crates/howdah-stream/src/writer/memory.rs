//! Folding in memory while rows are copied, and merging what was folded.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::future::join_all;
use howdah_error::{Error, Result};
use howdah_fold::{Folder, LevelDelta, RollupDelta, RowFault, TupleColumn};
use howdah_pg::{BinaryArray, Connection, Fault, classify};
use howdah_rollup::delta::upsert_arrays;
use howdah_rollup::fold::{fold_stored, used_columns};
use howdah_rollup::staging::Staging;
use howdah_system::{Rollup, Stream};
use tokio::task::JoinHandle;
use tokio_postgres::Statement;
use tokio_postgres::types::ToSql;

use super::Writer;
use super::copy::Copied;
use super::events::Events;
use super::failed::{Tried, failed};
use super::sql::prepare;
use super::staged::bounds;
use super::tuple::put_fields;
use super::verdict::array;
use crate::decode::staged_as_text;

/// How the rollups of a stream are folded from rows that are copied straight into its chunks.
#[derive(Debug, Clone)]
pub(super) struct Folding {
    folder: Arc<Folder>,
    /// For each rollup that the folder folds, the upsert of each level.
    upserts: Vec<Vec<String>>,
    /// The statement that folds the other rollups from staged rows.
    rest: Option<String>,
}

impl Folding {
    /// `None`: some rollup can only be folded by the statement that inserts.
    pub(super) fn compile(
        stream: &Stream,
        layout: &[TupleColumn],
        rollups: &[&Rollup],
        staging: &Staging,
    ) -> Result<Option<Self>> {
        let folder = Folder::compile(stream, layout, rollups);
        for left in folder.unsupported() {
            let (rollup, reason) = (left.rollup.as_str(), left.reason.as_str());
            tracing::debug!(rollup, reason, "folded in SQL");
        }
        let here: Vec<usize> = folder.supported().collect();
        let upserts = here.iter().map(|at| {
            let levels = 0..rollups[*at].levels.len();
            levels.map(|level| upsert_arrays(stream, rollups[*at], level)).collect()
        });
        let upserts = upserts.collect();
        let others: Vec<&Rollup> = rollups
            .iter()
            .enumerate()
            .filter(|(at, _)| !here.contains(at))
            .map(|(_, rollup)| *rollup)
            .collect();
        let is_rest = !others.is_empty() || !stream.span_key.is_empty();
        if is_rest && !can_be_computed_again(stream, &others) {
            return Ok(None);
        }
        // Spans are told by the same statement which events are new.
        let rest = if is_rest { Some(fold_stored(stream, &others, staging)?) } else { None };
        Ok(Some(Self { folder: Arc::new(folder), upserts, rest }))
    }
}

/// The columns of the tuples that are folded: those of the staging table.
pub(super) fn layout(stream: &Stream, staging: &Staging) -> Vec<TupleColumn> {
    let columns = staging.columns().filter_map(|name| stream.column(name));
    columns
        .map(|column| TupleColumn { name: column.name.clone(), as_text: staged_as_text(column) })
        .collect()
}

/// Whether what the rollups read of a row follows from what the event gives: no default gives
/// another value in the chunk than in a later computation.
fn can_be_computed_again(stream: &Stream, rollups: &[&Rollup]) -> bool {
    let used = used_columns(stream, rollups);
    let is_used = |name| used.contains(&name);
    let generated = stream.columns.iter().any(|c| c.generated && is_used(&c.name));
    let mut read = stream.columns.iter().filter(|c| generated || is_used(&c.name));
    read.all(|column| column.generated || !column.has_default)
}

/// The prepared statements of a [`Folding`].
pub(super) struct FoldStatements {
    upserts: Vec<Vec<Statement>>,
    rest: Option<Statement>,
}

impl FoldStatements {
    pub(super) async fn prepare(connection: &Connection, folding: &Folding) -> Result<Self> {
        let mut upserts = Vec::with_capacity(folding.upserts.len());
        for levels in &folding.upserts {
            let mut statements = Vec::with_capacity(levels.len());
            for text in levels {
                statements.push(prepare(connection, text).await?);
            }
            upserts.push(statements);
        }
        let rest = match &folding.rest {
            Some(text) => Some(prepare(connection, text).await?),
            None => None,
        };
        Ok(Self { upserts, rest })
    }
}

/// What a batch adds to the rollups of a stream, being computed on another thread.
pub(super) struct Deltas {
    target: usize,
    folding: JoinHandle<Result<Vec<RollupDelta>, RowFault>>,
}

/// What merging did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Merged {
    All,
    /// The server must fold it: a value that is not computed here, or that a rollup cannot hold.
    Not,
}

impl Writer {
    /// Begins to fold `fresh` events, which are new in the streams of `part`.
    pub(super) fn begin_fold(
        &self,
        events: &Events<'_>,
        part: &[usize],
        fresh: &[usize],
    ) -> Vec<Deltas> {
        let mut out = Vec::new();
        for target in part {
            let Some(folding) = &self.sql.targets[*target].folding else { continue };
            if folding.upserts.is_empty() {
                continue;
            }
            let folder = Arc::clone(&folding.folder);
            let tuples = self.tuples(events, *target, fresh);
            let folding = tokio::task::spawn_blocking(move || {
                let tuples: Vec<&[u8]> = tuples.iter().map(|(_, tuple)| &tuple[..]).collect();
                folder.fold(&tuples)
            });
            out.push(Deltas { target: *target, folding });
        }
        out
    }

    /// The tuples of a stream's rows, each with its event, in the columns of the staging table.
    pub(super) fn tuples(
        &self,
        events: &Events<'_>,
        target: usize,
        some: &[usize],
    ) -> Vec<(usize, Bytes)> {
        let mut fields = Vec::new();
        let rows = some
            .iter()
            .flat_map(|event| events.all[*event].rows.clone().map(move |row| (*event, row)));
        rows.filter(|(_, row)| events.target_of(*row) == target)
            .map(|(event, row)| (event, &events.rows[row]))
            .map(|(event, row)| match &self.sql.routes[row.route].places {
                None => (event, row.copy.clone()),
                Some(places) => {
                    let mut out = BytesMut::with_capacity(row.copy.len() + 4 * places.len());
                    put_fields(&mut out, &row.copy, places, &mut fields);
                    (event, out.freeze())
                }
            })
            .collect()
    }

    /// Merges what was folded into the rollups, and lets the server fold the rest from `fresh`,
    /// staged with orders from `first` on.
    pub(super) async fn merge(
        &self,
        events: &Events<'_>,
        part: &[usize],
        (fresh, first): (&[usize], usize),
        deltas: Vec<Deltas>,
    ) -> Tried<Merged> {
        for Deltas { target, folding } in deltas {
            let folded = folding
                .await
                .map_err(|error| Error::internal("folding a batch panicked").source(error))?;
            let deltas = match folded {
                Ok(deltas) => deltas,
                Err(fault) => {
                    tracing::debug!(?fault, "a batch is folded in SQL");
                    return Ok(Merged::Not);
                }
            };
            if self.upsert(target, &deltas).await? == Merged::Not {
                return Ok(Merged::Not);
            }
        }
        self.fold_rest(events, part, (fresh, first)).await
    }

    /// Sends the upserts of all levels one behind the other.
    async fn upsert(&self, target: usize, deltas: &[RollupDelta]) -> Tried<Merged> {
        let Some(statements) = &self.statements.targets[target].folding else {
            return Ok(Merged::Not);
        };
        let levels = deltas.iter().zip(&statements.upserts).flat_map(|(delta, statements)| {
            delta.levels.iter().zip(statements).filter(|(level, _)| level.rows > 0)
        });
        let upserts = levels.map(|(level, statement)| self.upsert_level(level, statement));
        for merged in join_all(upserts).await {
            match merged {
                Ok(_) => {}
                // The staged way finds the event that is to blame.
                Err(error) if classify(&error) == Fault::Data => return Ok(Merged::Not),
                Err(error) => return Err(failed("could not fold a batch")(error)),
            }
        }
        Ok(Merged::All)
    }

    async fn upsert_level(
        &self,
        level: &LevelDelta,
        statement: &Statement,
    ) -> Result<u64, tokio_postgres::Error> {
        let arrays: Vec<BinaryArray<'_>> = level.columns.iter().map(array).collect();
        let parameters: Vec<&(dyn ToSql + Sync)> =
            arrays.iter().map(|array| array as &(dyn ToSql + Sync)).collect();
        self.connection.execute(statement, &parameters).await
    }

    /// Folds in SQL what is not folded in memory.
    async fn fold_rest(
        &self,
        events: &Events<'_>,
        part: &[usize],
        (fresh, first): (&[usize], usize),
    ) -> Tried<Merged> {
        let rest_of =
            |target: &usize| self.statements.targets[*target].folding.as_ref()?.rest.as_ref();
        let with_rest: Vec<usize> = part.iter().copied().filter(|t| rest_of(t).is_some()).collect();
        if with_rest.is_empty() || fresh.is_empty() {
            return Ok(Merged::All);
        }
        let Copied::All = self.stage_all(events, &with_rest, (fresh, first)).await? else {
            return Ok(Merged::Not);
        };
        let (from, to) = bounds(&(first..first + fresh.len()));
        for statement in with_rest.iter().filter_map(rest_of) {
            match self.connection.query_one(statement, &[&from, &to]).await {
                Ok(_) => {}
                Err(error) if classify(&error) == Fault::Data => return Ok(Merged::Not),
                Err(error) => return Err(failed("could not fold a batch")(error)),
            }
        }
        Ok(Merged::All)
    }
}
