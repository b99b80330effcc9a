//! The direct way: rows straight into the chunks that hold them, without staging.
//!
//! It hopes that no key repeats and no row is refused. When a key does, the whole is undone, the
//! repeated events are looked up, and the others are copied again; where repeats are usual they are
//! looked up at once. When a row is refused, the others are copied again a few at a time. What this
//! way cannot do is left to the staged one, with nothing of it left behind.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::BytesMut;
use howdah_catalog::{Ident, name};
use howdah_error::{Error, Kind};
use howdah_pg::{Fault, classify};
use tokio_postgres::{Row, Statement};

use super::Writer;
use super::copy::Copied;
use super::events::Events;
use super::failed::{Tried, failed};
use super::memory::Merged;
use super::staged::{bounds, refuse};
use super::tuple::{nulls, put_without};
use crate::failpoint;

/// Rows of one batch are copied by at most so many statements; scattered ones are staged.
const MOST_RUNS: usize = 32;
/// Prepared COPY statements kept; all are forgotten when there are more.
const MOST_STATEMENTS: usize = 128;
/// Rows of one statement once a row of the batch was refused: so many are copied again for each.
const CAREFUL_ROWS: usize = 512;

/// Rows that one statement copies: a route's, into a chunk, without the columns whose default they
/// take.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Run {
    route: usize,
    chunk: usize,
    left_out: u64,
}

/// How often each way was taken since the writer was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ways {
    /// Straight into the chunks.
    pub direct: u64,
    /// By the staging tables.
    pub staged: u64,
    /// What was copied straight into chunks and had to be undone.
    pub undone: u64,
}

/// What the direct way remembers from batch to batch.
#[derive(Default)]
pub(super) struct Direct {
    statements: HashMap<Run, Statement>,
    /// How usual repeated keys are: an average over the last batches, from 0 to 1.
    repeats: f32,
    /// Whether it was said that a stream's chunks are closed to it.
    told: bool,
    pub(super) ways: Ways,
}

impl Direct {
    /// Forgets what depends on the chunks.
    pub(super) fn forget_chunks(&mut self) {
        self.statements.clear();
    }

    /// Remembers whether a batch had repeated keys.
    fn learn(&mut self, repeated: bool) {
        // About the last eight batches count.
        self.repeats += (f32::from(u8::from(repeated)) - self.repeats) / 8.0;
    }

    /// Whether looking repeats up at once is likely to be cheaper than failing by them.
    fn expects_repeats(&self) -> bool {
        self.repeats > 0.3
    }
}

/// The repeated events of a part.
#[derive(Default)]
struct Repeats {
    /// In order.
    events: Vec<usize>,
    /// Whether some repeat an event of the batch, which must not be refused alone then.
    within: bool,
}

impl Repeats {
    /// The live events that are not repeated.
    fn others(&self, events: &Events<'_>, part: &[usize]) -> Vec<usize> {
        let mut live = events.live(part);
        live.retain(|event| self.events.binary_search(event).is_err());
        live
    }
}

/// What became of a try.
enum End {
    /// Everything that is live is in the chunks.
    Done,
    /// A key was there already.
    Repeat,
    /// The database has something against an event; what was copied beside it must go.
    Bad(usize, tokio_postgres::Error),
    /// Not to be had this way.
    Never,
}

/// Ends the direct way without effect.
const UNDO: &str = "rollback to savepoint howdah_direct; release savepoint howdah_direct";

/// An event and one of its rows.
type EventRow = (usize, usize);

impl Writer {
    /// Copies the live events of `part` into their chunks; gives how many are new. `None`: it
    /// cannot be done this way, and nothing is.
    pub(super) async fn apply_direct(
        &mut self,
        events: &mut Events<'_>,
        part: &[usize],
    ) -> Tried<Option<u64>> {
        if self.careful || !part.iter().all(|t| self.sql.targets[*t].folding.is_some()) {
            return Ok(None);
        }
        self.execute("savepoint howdah_direct").await?;
        let can_look = part.iter().all(|t| self.statements.targets[*t].repeated.is_some())
            && !events.have_legs();
        let mut look = can_look && self.direct.expects_repeats();
        let mut careful = false;
        loop {
            let repeats =
                if look { self.repeats(events, part).await? } else { Some(Repeats::default()) };
            let Some(repeats) = repeats else {
                self.execute(UNDO).await?;
                return Ok(None);
            };
            let fresh = repeats.others(events, part);
            let deltas = self.begin_fold(events, part, &fresh);
            match self.copy_direct(events, &fresh, repeats.within, careful).await? {
                End::Done => {
                    let new = repeats.others(events, part);
                    let deltas = if new.len() == fresh.len() {
                        deltas
                    } else {
                        self.begin_fold(events, part, &new)
                    };
                    let first = if look { events.all.len() } else { 0 };
                    failpoint::hit("writer.before_fold").await?;
                    if self.merge(events, part, (&new, first), deltas).await? == Merged::Not {
                        self.execute(UNDO).await?;
                        return Ok(None);
                    }
                    failpoint::hit("writer.after_fold").await?;
                    self.execute("release savepoint howdah_direct").await?;
                    self.direct.learn(!repeats.events.is_empty());
                    self.direct.ways.direct += 1;
                    return Ok(Some(new.len() as u64));
                }
                End::Repeat if can_look && !look => look = true,
                End::Bad(event, error) => {
                    refuse(events, event, &error);
                    careful = true;
                }
                End::Repeat | End::Never => {
                    self.execute(UNDO).await?;
                    return Ok(None);
                }
            }
            self.direct.ways.undone += 1;
            self.execute("rollback to savepoint howdah_direct").await?;
        }
    }

    /// The live events whose keys are in their streams, or earlier in the batch. Those of which a
    /// value cannot be read by its type are refused, as the staged way does. `None`: it cannot be
    /// said.
    async fn repeats(&self, events: &mut Events<'_>, part: &[usize]) -> Tried<Option<Repeats>> {
        let mut repeats = Repeats::default();
        let places = loop {
            let places = events.live(part);
            match self.stage_all(events, part, (&places, 0)).await? {
                Copied::All => break places,
                Copied::SomeBad(_) => return Ok(None),
                Copied::Bad(place, error) => {
                    refuse(events, places[place], &error);
                    self.execute("rollback to savepoint howdah_direct").await?;
                }
            }
        };
        for target in part {
            let Some(statement) = &self.statements.targets[*target].repeated else { continue };
            let (first, last) = bounds(&(0..places.len()));
            let found = self.connection.query(statement, &[&first, &last]).await;
            for row in found.map_err(failed("could not look repeated events up"))? {
                let place: i32 = row.get(0);
                repeats.events.extend(places.get(place as usize));
                repeats.within |= !row.get::<_, bool>(1);
            }
        }
        repeats.events.sort_unstable();
        if self.break_conditions(part, &places, &repeats).await? {
            return Ok(None);
        }
        Ok(Some(repeats))
    }

    /// Whether a repeated event would be refused if it were not repeated: refused is what comes
    /// first, and only the staged way knows the server's words for it.
    async fn break_conditions(
        &self,
        part: &[usize],
        places: &[usize],
        repeats: &Repeats,
    ) -> Tried<bool> {
        let (first, last) = bounds(&(0..places.len()));
        for target in part {
            let Some(statement) = &self.statements.targets[*target].broken else { continue };
            let broken = match self.connection.query(statement, &[&first, &last]).await {
                Ok(rows) => rows,
                Err(error) if classify(&error) == Fault::Data => return Ok(true),
                Err(error) => return Err(failed("could not check repeated events")(error)),
            };
            let event_of = |row: &Row| places.get(row.get::<_, i32>(0) as usize);
            let is_repeat = |event: &usize| repeats.events.binary_search(event).is_ok();
            if broken.iter().filter_map(event_of).any(is_repeat) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The rows of events by the statement that copies them; `None` when some chunk does not take
    /// them.
    fn runs(
        &mut self,
        events: &Events<'_>,
        fresh: &[usize],
    ) -> Option<BTreeMap<Run, Vec<EventRow>>> {
        let mut runs: BTreeMap<Run, Vec<EventRow>> = BTreeMap::new();
        for event in fresh {
            for row in events.all[*event].rows.clone() {
                let (route, time_us) = (events.rows[row].route, events.rows[row].time_us);
                let layout = &self.sql.routes[route];
                let chunk = self.chunks[layout.target].holding(time_us)?;
                let left_out = nulls(&events.rows[row].copy, layout.defaults);
                runs.entry(Run { route, chunk, left_out }).or_default().push((*event, row));
            }
        }
        if runs.len() > MOST_RUNS {
            return None;
        }
        if let Some(closed) = runs.keys().find(|run| !self.takes(run)) {
            let target = self.sql.routes[closed.route].target;
            if !self.direct.told {
                let stream = self.sql.targets[target].stream.name.as_str();
                let chunk = self.chunks[target].get(closed.chunk).table.plain();
                tracing::info!(stream, chunk, "rows cannot be copied straight into a chunk");
            }
            self.direct.told = true;
            return None;
        }
        Some(runs)
    }

    /// Whether a chunk makes of the rows what the stream would.
    fn takes(&self, run: &Run) -> bool {
        let layout = &self.sql.routes[run.route];
        let partition = self.chunks[layout.target].get(run.chunk);
        let given = |column: &Ident| self.columns(run).any(|given| given == column);
        layout.binary && partition.open && partition.differing.iter().all(given)
    }

    /// The columns that a run gives.
    fn columns(&self, run: &Run) -> impl Iterator<Item = &Ident> {
        let left_out = run.left_out;
        let stays = move |at: usize| left_out.checked_shr(at as u32).unwrap_or(0) & 1 == 0;
        let columns = self.sql.routes[run.route].columns.iter().enumerate();
        columns.filter(move |(at, _)| stays(*at)).map(|(_, column)| column)
    }

    async fn statement(&mut self, run: &Run) -> Tried<Statement> {
        if let Some(statement) = self.direct.statements.get(run) {
            return Ok(statement.clone());
        }
        let chunk = self.chunks[self.sql.routes[run.route].target].get(run.chunk);
        let columns = name::list(self.columns(run));
        let text = format!("copy {} ({columns}) from stdin (format binary)", chunk.table);
        let prepared = self.connection.prepare(&text).await;
        let statement = prepared.map_err(failed("could not prepare the SQL of a batch"))?;
        if self.direct.statements.len() >= MOST_STATEMENTS {
            self.direct.statements.clear();
        }
        self.direct.statements.insert(run.clone(), statement.clone());
        Ok(statement)
    }

    async fn copy_direct(
        &mut self,
        events: &mut Events<'_>,
        fresh: &[usize],
        within: bool,
        careful: bool,
    ) -> Tried<End> {
        let Some(runs) = self.runs(events, fresh) else { return Ok(End::Never) };
        for (run, rows) in &runs {
            let statement = self.statement(run).await?;
            let rows = rows.clone();
            let end = if careful {
                self.copy_carefully(events, (run, &statement), rows, within).await?
            } else {
                self.copy_run(events, (run, &statement), rows).await?
            };
            if !matches!(end, End::Done) {
                return Ok(end);
            }
        }
        self.require_attached(runs.keys()).await?;
        Ok(End::Done)
    }

    /// Copies the rows of a run, in one statement if they are not to be cut.
    async fn copy_run(
        &self,
        events: &mut Events<'_>,
        run: (&Run, &Statement),
        rows: Vec<EventRow>,
    ) -> Tried<End> {
        for rows in rows.chunks(self.piece.max(1)) {
            match self.copy_rows(events, run, rows).await? {
                Copied::All => {}
                copied if copied.is_repeat() => return Ok(End::Repeat),
                Copied::SomeBad(_) => return Ok(End::Never),
                Copied::Bad(place, error) => return Ok(End::Bad(rows[place].0, error)),
            }
        }
        Ok(End::Done)
    }

    /// Copies the rows of a run few at a time, so that little is copied again for a refused one.
    async fn copy_carefully(
        &self,
        events: &mut Events<'_>,
        run: (&Run, &Statement),
        mut rows: Vec<EventRow>,
        within: bool,
    ) -> Tried<End> {
        let mut at = 0;
        while at < rows.len() {
            let end = (at + CAREFUL_ROWS.min(self.piece).max(1)).min(rows.len());
            self.execute("savepoint howdah_rows").await?;
            match self.copy_rows(events, run, &rows[at..end]).await? {
                Copied::All => {
                    self.execute("release savepoint howdah_rows").await?;
                    at = end;
                }
                copied if copied.is_repeat() => return Ok(End::Repeat),
                Copied::SomeBad(_) => return Ok(End::Never),
                Copied::Bad(place, error) => {
                    let (event, _) = rows[at + place];
                    if within || !events.stands_alone(event) {
                        return Ok(End::Bad(event, error));
                    }
                    refuse(events, event, &error);
                    rows.remove(at + place);
                    self.execute(
                        "rollback to savepoint howdah_rows; release savepoint howdah_rows",
                    )
                    .await?;
                }
            }
        }
        Ok(End::Done)
    }

    async fn copy_rows(
        &self,
        events: &Events<'_>,
        (run, statement): (&Run, &Statement),
        rows: &[EventRow],
    ) -> Tried<Copied> {
        let put = |at: usize, out: &mut BytesMut| {
            let tuple = &events.rows[rows[at].1].copy;
            if run.left_out == 0 {
                out.extend_from_slice(tuple);
            } else {
                put_without(out, tuple, run.left_out);
            }
        };
        self.copy(statement, rows.len(), put).await
    }

    /// The chunks must be their streams' still. From the COPY on they stay so until the end of the
    /// transaction: to detach one takes a lock that waits for it.
    async fn require_attached<'r>(&self, runs: impl Iterator<Item = &'r Run>) -> Tried<()> {
        let mut chunks: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for run in runs {
            chunks.entry(self.sql.routes[run.route].target).or_default().insert(run.chunk);
        }
        for (target, chunks) in chunks {
            let stream = self.sql.targets[target].stream.table.to_string();
            let table = |number: &usize| self.chunks[target].get(*number).table.to_string();
            let tables: Vec<String> = chunks.iter().map(table).collect();
            let found = self
                .connection
                .query_one(&self.statements.attached, &[&stream, &tables])
                .await
                .map_err(failed("could not check the chunks of a batch"))?;
            if found.get::<_, i64>(0) != tables.len() as i64 {
                let message = "a chunk that the batch needs is gone";
                return Err(Error::new(Kind::Unavailable, message).into());
            }
        }
        Ok(())
    }
}
