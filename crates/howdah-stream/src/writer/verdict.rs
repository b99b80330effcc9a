//! Judging in memory: which events of a batch break the check of a state, before anything of them
//! is written.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use howdah_error::Result;
use howdah_fold::{Elements, Hearing, Judge, Leg, Repeats, TupleColumn, refused};
use howdah_pg::{BinaryArray, Connection, Fault, RawValue, classify};
use howdah_rollup::delta::states;
use howdah_rollup::judge::ForeignColumn;
use howdah_system::{Rollup, Stream};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

use super::Writer;
use super::events::Events;
use super::failed::{Tried, failed};
use super::sql::prepare;

/// How the checks of a stream's states are judged in memory.
#[derive(Debug, Clone)]
pub(super) struct Judging {
    judge: Arc<Judge>,
    repeats: Repeats,
    /// For each state that is judged, the query of the rows that a batch touches.
    states: Vec<String>,
}

impl Judging {
    /// `None`: the server must judge.
    pub(super) fn compile(
        stream: &Stream,
        layout: &[TupleColumn],
        rollups: &[(&Rollup, &[ForeignColumn])],
    ) -> Option<Self> {
        let judge = match Judge::compile(stream, layout, rollups) {
            Ok(judge) => judge,
            Err(unsupported) => {
                for left in unsupported {
                    let (rollup, reason) = (left.rollup.as_str(), left.reason.as_str());
                    tracing::debug!(rollup, reason, "judged in SQL");
                }
                return None;
            }
        };
        let repeats = Repeats::compile(stream, layout).ok()?;
        let query = |state: &howdah_fold::JudgedState| {
            let (rollup, foreign) = rollups[state.rollup()];
            states(stream, rollup, foreign, &state.wanted())
        };
        let states = judge.states().iter().map(query).collect();
        Some(Self { judge: Arc::new(judge), repeats, states })
    }

    pub(super) async fn prepare(&self, connection: &Connection) -> Result<Vec<Statement>> {
        let mut statements = Vec::with_capacity(self.states.len());
        for text in &self.states {
            statements.push(prepare(connection, text).await?);
        }
        Ok(statements)
    }
}

/// What was found out about events before they are copied.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    /// Those to blame, one for each group that is to be refused.
    pub(super) refused: Vec<usize>,
    /// Those that repeat an accepted event of the batch.
    pub(super) repeated: Vec<usize>,
}

/// The rows of one stream: for each its event, its tuple and the number of its key.
struct Case<'w> {
    judging: &'w Judging,
    statements: &'w [Statement],
    rows: Vec<(usize, Bytes)>,
    keys: Vec<u32>,
    present: Vec<Vec<Row>>,
}

impl Writer {
    /// Judges events, none of which is in its stream already. `None`: it cannot be done here.
    pub(super) async fn judge(
        &self,
        events: &Events<'_>,
        part: &[usize],
        candidates: &[usize],
    ) -> Tried<Option<Judgement>> {
        let mut cases = Vec::new();
        for target in part {
            let Some(judging) = &self.sql.targets[*target].judging else { continue };
            let statements = &self.statements.targets[*target].states;
            let rows = self.tuples(events, *target, candidates);
            let tuples: Vec<&[u8]> = rows.iter().map(|(_, tuple)| &tuple[..]).collect();
            let Ok(keys) = judging.repeats.number(&tuples) else { return Ok(None) };
            cases.push(Case { judging, statements, rows, keys, present: Vec::new() });
        }
        for case in &mut cases {
            let Some(present) = self.present(case).await? else { return Ok(None) };
            case.present = present;
        }
        Ok(hear(events, candidates, &cases))
    }

    /// The rows of the states that a case touches, as they are.
    async fn present(&self, case: &Case<'_>) -> Tried<Option<Vec<Vec<Row>>>> {
        let tuples: Vec<&[u8]> = case.rows.iter().map(|(_, tuple)| &tuple[..]).collect();
        let Ok(touched) = case.judging.judge.touched(&tuples) else { return Ok(None) };
        let mut out = Vec::with_capacity(touched.len());
        for (keys, statement) in touched.iter().zip(case.statements) {
            let arrays: Vec<BinaryArray<'_>> = keys.columns.iter().map(array).collect();
            let parameters: Vec<&(dyn ToSql + Sync)> =
                arrays.iter().map(|array| array as &(dyn ToSql + Sync)).collect();
            match self.connection.query(statement, &parameters).await {
                Ok(rows) => out.push(rows),
                Err(error) if classify(&error) == Fault::Data => return Ok(None),
                Err(error) => return Err(failed("could not read the states of a batch")(error)),
            }
        }
        Ok(Some(out))
    }
}

/// The rows of a state, each as its values.
type StateRows<'r> = Vec<Vec<Option<&'r [u8]>>>;

/// A column as a parameter.
pub(super) fn array(column: &Elements) -> BinaryArray<'_> {
    BinaryArray { len: column.len, has_nulls: column.has_nulls, elements: &column.bytes }
}

fn values(row: &Row) -> Vec<Option<&[u8]>> {
    (0..row.len()).map(|at| row.get::<_, RawValue<'_>>(at).0).collect()
}

/// Judges, and finds the repeats among what is accepted.
fn hear(events: &Events<'_>, candidates: &[usize], cases: &[Case<'_>]) -> Option<Judgement> {
    let legs: Vec<Vec<Leg<'_>>> = cases.iter().map(|case| legs_of(events, case)).collect();
    let present: Vec<Vec<StateRows<'_>>> = cases
        .iter()
        .map(|case| case.present.iter().map(|rows| rows.iter().map(values).collect()).collect())
        .collect();
    let hearings: Vec<Hearing<'_>> = cases
        .iter()
        .zip(&legs)
        .zip(&present)
        .map(|((case, legs), present)| Hearing { judge: &case.judging.judge, present, legs })
        .collect();
    let refused = match refused(&hearings) {
        Ok(refused) => refused,
        Err(fault) => {
            tracing::debug!(?fault, "a batch is judged in SQL");
            return None;
        }
    };
    let fallen: HashSet<usize> = refused.iter().map(|one| one.group as usize).collect();
    let mut seen: HashSet<(usize, u32)> = HashSet::new();
    // For each event that repeats, how many of its rows do.
    let mut again: Vec<(usize, usize)> = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        for ((event, _), key) in case.rows.iter().zip(&case.keys) {
            if fallen.contains(&events.all[*event].group) || seen.insert((number, *key)) {
                continue;
            }
            match again.last_mut() {
                Some((last, rows)) if last == event => *rows += 1,
                _ => again.push((*event, 1)),
            }
        }
    }
    // An event of which only some legs repeat is for the server.
    let whole = |(event, rows): &(usize, usize)| events.all[*event].rows.len() == *rows;
    if !again.iter().all(whole) {
        return None;
    }
    let mut repeated: Vec<usize> = again.into_iter().map(|(event, _)| event).collect();
    repeated.sort_unstable();
    debug_assert!(repeated.iter().all(|event| candidates.binary_search(event).is_ok()));
    Some(Judgement { refused: refused.iter().map(|one| one.event as usize).collect(), repeated })
}

fn legs_of<'c>(events: &Events<'_>, case: &'c Case<'_>) -> Vec<Leg<'c>> {
    let rows = case.rows.iter().zip(&case.keys);
    rows.map(|((event, tuple), key)| Leg {
        tuple,
        event: *event as u32,
        group: events.all[*event].group as u32,
        key: *key,
    })
    .collect()
}
