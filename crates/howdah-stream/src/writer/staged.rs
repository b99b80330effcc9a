//! Staging events and applying them so that a bad one never takes its neighbours with it: the way
//! that is always right, taken where the direct one cannot be.
//!
//! The common case is one statement a stream over the whole batch. When it fails by a row's fault,
//! the range of groups is halved until the group is alone; it is refused and the range grows again.
//! Ranges go from front to back, so a group is always applied upon all accepted groups before it,
//! whatever the cuts.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::BytesMut;
use howdah_pg::{Fault, classify, from_pg, sqlstate};

use super::Writer;
use super::copy::Copied;
use super::events::Events;
use super::failed::{Tried, chunk_gone, failed};
use super::tuple::{put_ordered, put_placed};
use crate::failpoint;

/// Live events in the order of the batch, and their groups.
pub(super) struct Staged {
    /// The event at each place; a place is an event's order in the staging tables.
    pub(super) places: Vec<usize>,
    /// For each group the places of its events.
    pub(super) groups: Vec<Range<usize>>,
}

impl Staged {
    fn new(events: &Events<'_>, part: &[usize]) -> Self {
        let places = events.live(part);
        let mut groups: Vec<Range<usize>> = Vec::with_capacity(places.len());
        let group_of = |place: usize| events.all[places[place]].group;
        for place in 0..places.len() {
            match groups.last_mut() {
                Some(group) if group_of(group.start) == group_of(place) => group.end = place + 1,
                _ => groups.push(place..place + 1),
            }
        }
        Self { places, groups }
    }

    /// The places of some groups.
    pub(super) fn range(&self, groups: &Range<usize>) -> Range<usize> {
        self.groups[groups.start].start..self.groups[groups.end - 1].end
    }

    /// The group of a place.
    pub(super) fn group_of(&self, place: usize) -> usize {
        self.groups.partition_point(|group| group.end <= place)
    }
}

impl Writer {
    /// Stages the live events of `part` and applies them; gives how many are new.
    pub(super) async fn apply_staged(
        &mut self,
        events: &mut Events<'_>,
        part: &[usize],
    ) -> Tried<u64> {
        let staged = self.stage(events, part).await?;
        if staged.places.is_empty() {
            return Ok(0);
        }
        failpoint::hit("writer.before_fold").await?;
        let new = if self.sql.corrections.concern(part) {
            self.apply_corrected(events, part, &staged).await?
        } else {
            self.apply_ranges(events, part, &staged).await?
        };
        failpoint::hit("writer.after_fold").await?;
        Ok(new)
    }

    /// Copies the live events of `part` into the staging tables. Those of which a value cannot be
    /// read by its type are refused.
    async fn stage(&mut self, events: &mut Events<'_>, part: &[usize]) -> Tried<Staged> {
        self.execute("savepoint howdah_copy").await?;
        loop {
            let staged = Staged::new(events, part);
            match self.stage_all(events, part, (&staged.places, 0)).await? {
                Copied::All => return Ok(staged),
                Copied::Bad(place, error) => {
                    self.execute("rollback to savepoint howdah_copy").await?;
                    refuse(events, staged.places[place], &error);
                }
                Copied::SomeBad(error) => return Err(failed("could not stage a batch")(error)),
            }
        }
    }

    /// Copies the events at `places` into the staging tables of their streams, with orders from
    /// `first` on. [`Copied::Bad`] gives the place of an event.
    pub(super) async fn stage_all(
        &self,
        events: &Events<'_>,
        part: &[usize],
        (places, first): (&[usize], usize),
    ) -> Tried<Copied> {
        for target in part {
            let rows = staged_rows(events, places, *target);
            match self.copy_to_staging(events, *target, (&rows, first)).await? {
                Copied::All => {}
                Copied::Bad(row, error) => return Ok(Copied::Bad(rows[row].0, error)),
                Copied::SomeBad(error) => return Ok(Copied::SomeBad(error)),
            }
        }
        Ok(Copied::All)
    }

    /// Copies rows, each with the place of its event, into the staging table of a stream.
    async fn copy_to_staging(
        &self,
        events: &Events<'_>,
        target: usize,
        (rows, first): (&[(usize, usize)], usize),
    ) -> Tried<Copied> {
        if rows.is_empty() {
            return Ok(Copied::All);
        }
        let mut fields = Vec::new();
        let put = |at: usize, out: &mut BytesMut| {
            let (place, row) = rows[at];
            let row = &events.rows[row];
            match &self.sql.routes[row.route].places {
                None => put_ordered(out, first + place, &row.copy),
                Some(places) => put_placed(out, first + place, &row.copy, places, &mut fields),
            }
        };
        let statement = self.sql.targets[target].staging.copy();
        self.copy(statement.as_str(), rows.len(), put).await
    }

    async fn apply_ranges(
        &mut self,
        events: &mut Events<'_>,
        part: &[usize],
        staged: &Staged,
    ) -> Tried<u64> {
        let mut new = 0;
        let mut at = 0;
        let mut step = staged.groups.len();
        while at < staged.groups.len() {
            step = step.min(self.piece);
            let mut end = at.saturating_add(step).min(staged.groups.len());
            self.execute("savepoint howdah_range").await?;
            let mut breaking = None;
            let folded = match self.first_breaking(part, staged.range(&(at..end))).await {
                Ok(place) => {
                    breaking = place;
                    end = place.map_or(end, |place| staged.group_of(place));
                    if at < end {
                        let range = staged.range(&(at..end));
                        self.fold(events, part, &staged.places, range, &BTreeMap::new()).await
                    } else {
                        Ok(0)
                    }
                }
                // An expression that fails on a row does so in the judgement already.
                Err(error) => Err(error),
            };
            // Each savepoint is released: nested ones would make every row slower.
            match folded {
                Ok(count) => {
                    new += count;
                    if end < staged.groups.len() {
                        self.execute("release savepoint howdah_range").await?;
                    }
                }
                Err(error) if no_chunk(&error) => return Err(chunk_gone(&error)),
                Err(error) if classify(&error) == Fault::Data => {
                    self.execute("rollback to savepoint howdah_range").await?;
                    if end - at == 1 {
                        self.refuse_group(events, part, staged, at, error).await?;
                        at += 1;
                    }
                    self.execute("release savepoint howdah_range").await?;
                    step = ((end - at) / 2).max(1);
                    continue;
                }
                Err(error) => return Err(failed("could not apply a batch")(error)),
            }
            at = end;
            if let Some(place) = breaking {
                let reason = "the event would break the check of a state";
                events.refuse(staged.places[place], "check_refused", reason);
                at += 1;
            }
            step = step.saturating_mul(2);
        }
        Ok(new)
    }

    /// Refuses a group that failed alone, with the error of its first event that fails upon those
    /// before it. Leaves the savepoint as it was.
    async fn refuse_group(
        &self,
        events: &mut Events<'_>,
        part: &[usize],
        staged: &Staged,
        group: usize,
        mut error: tokio_postgres::Error,
    ) -> Tried<()> {
        let places = &staged.places;
        let Range { start, end } = staged.groups[group];
        // The events before `good` can be applied, those before `bad` cannot.
        let (mut good, mut bad) = (start, end);
        while bad - good > 1 {
            let middle = good + (bad - good) / 2;
            match self.fold(events, part, places, start..middle, &BTreeMap::new()).await {
                Ok(_) => good = middle,
                Err(found) if classify(&found) == Fault::Data => (bad, error) = (middle, found),
                Err(found) => return Err(failed("could not apply a batch")(found)),
            }
            self.execute("rollback to savepoint howdah_range").await?;
        }
        refuse(events, places[good], &error);
        Ok(())
    }

    /// Inserts and folds the events of some places, but for those that were `diverted`; gives how
    /// many are new.
    pub(super) async fn fold(
        &self,
        events: &Events<'_>,
        part: &[usize],
        places: &[usize],
        range: Range<usize>,
        diverted: &BTreeMap<usize, bool>,
    ) -> Result<u64, tokio_postgres::Error> {
        let (first, last) = bounds(&range);
        // Rows are counted, but an event with several is new when any of them is.
        let mut rows = 0;
        let mut repeated: Vec<usize> = Vec::new();
        for target in part {
            let statements = &self.statements.targets[*target];
            if let (true, Some(statement)) = (events.have_legs(), &statements.repeated) {
                let found = self.connection.query(statement, &[&first, &last]).await?;
                repeated.extend(found.iter().map(|row| row.get::<_, i32>(0) as usize));
            }
            let row = self.connection.query_one(&statements.fold, &[&first, &last]).await?;
            rows += row.get::<_, i64>(0) as u64;
        }
        let new = if events.have_legs() {
            let rows_of = |place: usize| events.all[places[place]].rows.len();
            repeated.retain(|place| !diverted.contains_key(place));
            (range.len() - diverted.len()) as u64 - wholly_repeated(repeated, rows_of)
        } else {
            rows
        };
        if self.careful {
            self.follow_spans().await?;
            self.derive().await?;
        }
        Ok(new)
    }

    /// The first of some places of which an event would break the check of a state.
    pub(super) async fn first_breaking(
        &self,
        part: &[usize],
        range: Range<usize>,
    ) -> Result<Option<usize>, tokio_postgres::Error> {
        let (first, last) = bounds(&range);
        let mut breaking: Option<i32> = None;
        for judge in part.iter().flat_map(|target| &self.statements.targets[*target].judges) {
            let row = self.connection.query_one(judge, &[&first, &last]).await?;
            let place: Option<i32> = row.get(0);
            breaking = match (breaking, place) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        }
        Ok(breaking.and_then(|place| usize::try_from(place).ok()))
    }
}

/// The rows of a stream with the places of their events.
fn staged_rows(events: &Events<'_>, places: &[usize], target: usize) -> Vec<(usize, usize)> {
    places
        .iter()
        .enumerate()
        .flat_map(|(place, event)| events.all[*event].rows.clone().map(move |row| (place, row)))
        .filter(|(_, row)| events.target_of(*row) == target)
        .collect()
}

/// How many events have nothing but repeated rows; `orders` has an event's place once a row.
fn wholly_repeated(mut orders: Vec<usize>, rows_of: impl Fn(usize) -> usize) -> u64 {
    orders.sort_unstable();
    let whole = |same: &&[usize]| same.len() >= rows_of(same[0]);
    orders.chunk_by(|a, b| a == b).filter(whole).count() as u64
}

/// The inclusive bounds of `howdah_ord` for some places.
pub(super) fn bounds(places: &Range<usize>) -> (i32, i32) {
    let as_ord = |place: usize| i32::try_from(place).unwrap_or(i32::MAX);
    (as_ord(places.start), as_ord(places.end) - 1)
}

/// Whether no partition holds a row. Its SQLSTATE is that of a violated check; only the server's
/// function tells it from one whatever the language (`src/backend/executor/execPartition.c`).
pub(super) fn no_chunk(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|db| db.routine() == Some("ExecFindPartition"))
}

/// Refuses an event that the database refused: SQLSTATE, and the names that it gives, never its
/// DETAIL.
pub(super) fn refuse(events: &mut Events<'_>, event: usize, error: &tokio_postgres::Error) {
    let code = sqlstate(error).map_or("data", |state| state.code());
    let report = from_pg("the database refused the event", error);
    let reason = match report.get_detail() {
        Some(detail) => format!("{}. {detail}", report.message()),
        None => report.message().to_owned(),
    };
    events.refuse(event, code, reason);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_repeated_when_all_its_legs_are() {
        let legs = [1, 2, 3];
        let count = |orders: &[usize]| wholly_repeated(orders.to_vec(), |at| legs[at]);
        assert_eq!(count(&[]), 0);
        assert_eq!(count(&[2, 0, 1, 2, 1]), 2);
    }
}
