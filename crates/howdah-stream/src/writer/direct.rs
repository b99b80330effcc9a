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
use super::suspects::Recent;
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
    /// Batches that ran beside others into streams that meet with theirs.
    pub beside: u64,
}

/// What the direct way remembers from batch to batch.
#[derive(Default)]
pub(super) struct Direct {
    statements: HashMap<Run, Statement>,
    /// How usual batches with repeated keys are: an average over the last ones, from 0 to 1.
    repeats: f32,
    /// How usual batches with rows are that a table refuses.
    refusals: f32,
    /// Whether it was said that a stream's chunks are closed to it.
    told: bool,
    pub(super) recent: Recent,
    pub(super) ways: Ways,
}

impl Direct {
    /// Forgets what depends on the chunks.
    pub(super) fn forget_chunks(&mut self) {
        self.statements.clear();
    }

    /// Remembers whether a batch had repeated keys, and rows that a table refuses.
    fn learn(&mut self, repeated: bool, refused: bool) {
        // About the last eight batches count.
        let learn = |usual: &mut f32, found| *usual += (f32::from(u8::from(found)) - *usual) / 8.0;
        learn(&mut self.repeats, repeated);
        learn(&mut self.refusals, refused);
    }

    /// Whether it is likely enough that a table refuses a row: of about fifteen batches, one.
    pub(super) fn expects_refusals(&self) -> bool {
        self.refusals > 0.02
    }

    /// Whether looking repeats up at once is likely to be cheaper than failing by them.
    fn expects_repeats(&self) -> bool {
        self.repeats > 0.3
    }
}

/// What is known of the events of a part while it is tried.
#[derive(Default)]
pub(super) struct Trial {
    /// Whether all events were looked up.
    pub(super) looked: bool,
    /// Of those that were looked up: the ones that are in their streams.
    here: BTreeSet<usize>,
    /// The ones that repeat an event of the batch, unless that one is refused.
    within: BTreeSet<usize>,
    /// Those looked up one by one, since they would be refused.
    asked: BTreeSet<usize>,
    /// Those that break a check; refused until something is found that they were judged without.
    judged: Vec<usize>,
    /// Rows were found that break a condition of their table.
    pub(super) broken: bool,
    /// Rows were refused: the others are copied few at a time.
    careful: bool,
    /// The next order in the staging tables.
    order: usize,
    /// The keys of the events, as hashes, once they were looked for among those of the last
    /// minutes.
    pub(super) keys: Vec<(usize, u64)>,
}

impl Trial {
    fn is_repeat(&self, event: usize) -> bool {
        self.here.contains(&event) || self.within.contains(&event)
    }

    /// The live events that are not repeated.
    fn fresh(&self, events: &Events<'_>, part: &[usize]) -> Vec<usize> {
        let mut live = events.live(part);
        live.retain(|event| !self.is_repeat(*event));
        live
    }

    /// What was found depends on events that were refused since.
    fn forget(&mut self, events: &mut Events<'_>) {
        for event in self.judged.drain(..) {
            events.pardon(event);
        }
        self.within.clear();
    }

    /// Nothing is known of repeats.
    pub(super) fn forget_found(&mut self) {
        self.here.clear();
        self.within.clear();
    }
}

/// What became of a try.
pub(super) enum End {
    /// Everything that is live is in the chunks.
    Done,
    /// A key was there already.
    Repeat,
    /// The database has something against an event; what was copied beside it must go.
    Bad(usize, tokio_postgres::Error),
    /// Not to be had this way.
    Never,
}

/// What is done when the database refuses a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Care {
    /// Everything is copied again.
    None,
    /// A few rows are, without it, when it is a group of its own.
    Alone,
    /// Everything is, since it was judged or counted with the others.
    Stop,
    /// A few rows are: nothing of it stays anyway.
    Sift,
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
        if !self.may_go_directly(events, part).await? {
            return Ok(None);
        }
        self.execute("savepoint howdah_direct").await?;
        let can_look = part.iter().all(|t| self.statements.targets[*t].repeated.is_some());
        let mut trial =
            Trial { looked: can_look && self.direct.expects_repeats(), ..Trial::default() };
        self.try_suspects(events, part, &mut trial).await?;
        loop {
            match self.try_direct(events, part, &mut trial).await? {
                End::Done => break,
                End::Repeat if can_look && !trial.looked => trial.looked = true,
                End::Bad(event, error) => {
                    trial.forget(events);
                    refuse(events, event, &error);
                    trial.careful = true;
                }
                End::Repeat | End::Never => {
                    trial.forget(events);
                    self.execute(UNDO).await?;
                    return Ok(None);
                }
            }
            trial.forget(events);
            self.direct.ways.undone += 1;
            self.execute("rollback to savepoint howdah_direct").await?;
        }
        self.went_directly(events, part).await?;
        self.remember(&trial);
        self.execute("release savepoint howdah_direct").await?;
        let repeated = !trial.here.is_empty() || (trial.looked && !trial.within.is_empty());
        self.direct.learn(repeated, trial.broken || trial.careful);
        self.direct.ways.direct += 1;
        Ok(Some(trial.fresh(events, part).len() as u64))
    }

    /// One try: repeats, judgement, copy and folds.
    async fn try_direct(
        &mut self,
        events: &mut Events<'_>,
        part: &[usize],
        trial: &mut Trial,
    ) -> Tried<End> {
        if trial.looked {
            let live = events.live(part);
            if !self.look_up(events, part, live, trial).await? {
                return Ok(End::Never);
            }
        }
        if part.iter().any(|target| self.sql.targets[*target].judging.is_some()) {
            if trial.careful && !self.sift(events, part, trial).await? {
                return Ok(End::Never);
            }
            if !self.judge_all(events, part, trial).await? {
                return Ok(End::Never);
            }
        }
        let fresh = trial.fresh(events, part);
        self.laps.lap(|phases| &mut phases.judge);
        let deltas = self.begin_fold(events, part, &fresh);
        // A row that is refused alone must not be what others were judged by, or repeat.
        let alone = trial.judged.is_empty() && trial.within.is_empty();
        let care = match (trial.careful, alone && !self.judges(part)) {
            (false, _) => Care::None,
            (true, true) => Care::Alone,
            (true, false) => Care::Stop,
        };
        let end = self.copy_direct(events, &fresh, care).await?;
        self.laps.lap(|phases| &mut phases.rows);
        if !matches!(end, End::Done) {
            return Ok(end);
        }
        let new = trial.fresh(events, part);
        let deltas =
            if new.len() == fresh.len() { deltas } else { self.begin_fold(events, part, &new) };
        failpoint::hit("writer.before_fold").await?;
        self.lock_folds(events).await?;
        if self.merge(events, part, (&new, trial.order), deltas).await? == Merged::Not {
            return Ok(End::Never);
        }
        failpoint::hit("writer.after_fold").await?;
        self.laps.lap(|phases| &mut phases.fold);
        Ok(End::Done)
    }

    /// Whether checks are judged in a part.
    fn judges(&self, part: &[usize]) -> bool {
        part.iter().any(|target| self.sql.targets[*target].judging.is_some())
    }

    /// Judges the events that are not repeated, and refuses those that break a check. `false`: the
    /// server must judge.
    async fn judge_all(
        &mut self,
        events: &mut Events<'_>,
        part: &[usize],
        trial: &mut Trial,
    ) -> Tried<bool> {
        // Which events of the batch repeat each other is found anew, among the accepted ones.
        trial.within.clear();
        loop {
            let candidates = trial.fresh(events, part);
            let Some(judgement) = self.judge(events, part, &candidates).await? else {
                return Ok(false);
            };
            // One that is in its stream already changes nothing, and is not to be refused for it.
            let fallen = judgement.refused.iter().flat_map(|event| events.group_of(*event));
            let doubtful: Vec<usize> =
                fallen.filter(|e| !trial.looked && !trial.asked.contains(e)).collect();
            if !doubtful.is_empty() {
                trial.asked.extend(&doubtful);
                let known = trial.here.len();
                if !self.look_up(events, part, doubtful, trial).await? {
                    return Ok(false);
                }
                trial.within.clear();
                if trial.here.len() > known {
                    continue;
                }
            }
            for event in &judgement.refused {
                let reason = "the event would break the check of a state";
                events.refuse(*event, "check_refused", reason);
            }
            trial.judged = judgement.refused;
            let sound = judgement.repeated.is_empty()
                || self.look_up(events, part, judgement.repeated.clone(), trial).await?;
            trial.within = judgement.repeated.into_iter().collect();
            return Ok(sound);
        }
    }

    /// Finds the rows that the database refuses among all that may be judged, before they are:
    /// copies them and undoes it. `false`: it cannot be said.
    async fn sift(
        &mut self,
        events: &mut Events<'_>,
        part: &[usize],
        trial: &Trial,
    ) -> Tried<bool> {
        self.execute("savepoint howdah_sift").await?;
        let fresh = trial.fresh(events, part);
        let end = self.copy_direct(events, &fresh, Care::Sift).await?;
        self.execute("rollback to savepoint howdah_sift; release savepoint howdah_sift").await?;
        // A repeat within the batch stops it; what is behind is found later.
        Ok(!matches!(end, End::Never))
    }

    /// Looks up which of some events are in their streams, or repeat another one of them. An event
    /// of which a value cannot be read by its type is refused, as the staged way does. `false`: it
    /// cannot be said, or one is repeated that would be refused if it were not; only the staged way
    /// knows the server's words for it.
    pub(super) async fn look_up(
        &mut self,
        events: &mut Events<'_>,
        part: &[usize],
        mut places: Vec<usize>,
        trial: &mut Trial,
    ) -> Tried<bool> {
        self.execute("savepoint howdah_look").await?;
        loop {
            match self.stage_all(events, part, (&places, trial.order)).await? {
                Copied::All => break,
                Copied::SomeBad(_) => return Ok(false),
                Copied::Bad(place, error) => {
                    refuse(events, places[place], &error);
                    places.remove(place);
                    self.execute("rollback to savepoint howdah_look").await?;
                }
            }
        }
        self.execute("release savepoint howdah_look").await?;
        let whole = places.len() == events.live(part).len();
        let (first, last) = bounds(&(trial.order..trial.order + places.len()));
        let event_of = |row: &Row| {
            let order = usize::try_from(row.get::<_, i32>(0)).unwrap_or(0);
            places.get(order.wrapping_sub(trial.order)).copied()
        };
        // For each event, how many of its rows are repeated, and how many of these in its stream.
        let mut found: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
        let mut broken: Vec<usize> = Vec::new();
        for statements in part.iter().map(|target| &self.statements.targets[*target]) {
            let Some(repeated) = &statements.repeated else { return Ok(false) };
            let rows = self.connection.query(repeated, &[&first, &last]).await;
            for row in rows.map_err(failed("could not look repeated events up"))? {
                if let Some(event) = event_of(&row) {
                    let count = found.entry(event).or_default();
                    count.0 += 1;
                    count.1 += usize::from(row.get::<_, bool>(1));
                }
            }
            let Some(conditions) = &statements.broken else { continue };
            match self.connection.query(conditions, &[&first, &last]).await {
                Ok(rows) => broken.extend(rows.iter().filter_map(event_of)),
                Err(error) if classify(&error) == Fault::Data => return Ok(false),
                Err(error) => return Err(failed("could not check repeated events")(error)),
            }
        }
        let staged = (places.as_slice(), trial.order);
        trial.order += places.len();
        for (event, (repeated, here)) in &found {
            // An event of which only some rows are repeated is for the server.
            if *repeated < events.all[*event].rows.len() || (*here > 0 && here < repeated) {
                return Ok(false);
            }
            let set = if *here > 0 { &mut trial.here } else { &mut trial.within };
            set.insert(*event);
        }
        let within = found.iter().filter(|(_, (_, here))| *here == 0).map(|(event, _)| *event);
        if !self.refuse_unlike(events, part, staged, within).await? {
            return Ok(false);
        }
        // One that was not found may repeat an event that was not looked up with it.
        Ok(broken.is_empty() || (whole && !broken.iter().any(|event| found.contains_key(event))))
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

    /// Copies some events, refusing those that the database refuses; to be undone.
    pub(super) async fn sift_some(
        &mut self,
        events: &mut Events<'_>,
        some: &[usize],
    ) -> Tried<End> {
        self.copy_direct(events, some, Care::Sift).await
    }

    async fn copy_direct(
        &mut self,
        events: &mut Events<'_>,
        fresh: &[usize],
        care: Care,
    ) -> Tried<End> {
        let Some(runs) = self.runs(events, fresh) else { return Ok(End::Never) };
        for (run, rows) in &runs {
            let statement = self.statement(run).await?;
            let rows = rows.clone();
            let end = if care == Care::None {
                self.copy_run(events, (run, &statement), rows).await?
            } else {
                self.copy_carefully(events, (run, &statement), rows, care).await?
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
        care: Care,
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
                    let alone = care == Care::Alone && events.stands_alone(event);
                    if !alone && care != Care::Sift {
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
