//! Batches in which events may be taken back: reversed, of a replaced block, or in conflict.
//!
//! As everywhere, ranges of groups go from front to back. A range ends before an event that takes
//! others back where the order matters: one that replaces a block, a marker, and a reversal of a
//! stream with a check. Such an event comes first in its own range: what it takes back is gone
//! before it is applied itself.

use std::collections::BTreeMap;
use std::ops::Range;

use howdah_pg::{Fault, classify};
use howdah_rollup::derive::{plan_by_key, plan_freely};
use tokio_postgres::Statement;
use tokio_postgres::types::ToSql;

use super::corrections::{After, Blocks, Lose, OfReorganisation, Thaw};
use super::events::Events;
use super::failed::{Tried, chunk_gone, failed};
use super::staged::{Staged, bounds, no_chunk, refuse};
use super::{NO_LONGER_KEPT, Writer};

/// What became of a range of groups.
enum Outcome {
    /// All of it, up to this group, is applied; so many events are new.
    Applied(Range<usize>, u64),
    /// Only the groups before this one can be applied together.
    Shorter(usize),
    /// The first group is refused because of the event at this place.
    Refused(usize, &'static str, &'static str),
}

type Asked<T> = Result<T, tokio_postgres::Error>;

/// Rows that were taken out of staging, by the place of their event, and whether they are new.
type Diverted = BTreeMap<usize, bool>;

const TOO_DEEP: (&str, &str) =
    ("reorg_too_deep", "a block that it replaces lies deeper than may be replaced");
const BREAKS: (&str, &str) = ("check_refused", "the event would break the check of a state");
const NOT_KEPT: (&str, &str) = (
    NO_LONGER_KEPT,
    "an event that it takes back counts in a rollup's row of which events are no longer kept",
);
pub(super) const CONFLICT: (&str, &str) =
    ("conflicting_content", "an event of the same key is known with another content");

impl Writer {
    /// Applies the staged events of `part`, and takes back what they take back; gives how many are
    /// new.
    pub(super) async fn apply_corrected(
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
            let end = at.saturating_add(step).min(staged.groups.len());
            self.execute("savepoint howdah_range").await?;
            match self.correct(events, part, staged, at..end).await {
                Ok(Outcome::Applied(range, count)) => {
                    new += count;
                    at = range.end;
                    step = step.saturating_mul(2);
                    if at < staged.groups.len() {
                        self.execute("release savepoint howdah_range").await?;
                    }
                    continue;
                }
                Ok(Outcome::Shorter(group)) => step = group - at,
                Ok(Outcome::Refused(place, code, reason)) => {
                    events.refuse(staged.places[place], code, reason);
                    at += 1;
                }
                Err(error) if no_chunk(&error) => return Err(chunk_gone(&error)),
                Err(error) if classify(&error) == Fault::Data => {
                    if end - at == 1 {
                        refuse(events, staged.places[staged.groups[at].start], &error);
                        at += 1;
                    }
                    step = ((end - at) / 2).max(1);
                }
                Err(error) => return Err(failed("could not apply a batch")(error)),
            }
            self.execute("rollback to savepoint howdah_range; release savepoint howdah_range")
                .await?;
        }
        Ok(new)
    }

    /// Applies a range of groups, or as many of its first ones as go together.
    async fn correct(
        &mut self,
        events: &mut Events<'_>,
        part: &[usize],
        staged: &Staged,
        mut groups: Range<usize>,
    ) -> Asked<Outcome> {
        let first = self.first_correction(part, staged.range(&groups)).await?;
        if let Some(group) = first.map(|place| staged.group_of(place)) {
            groups.end = group.max(groups.start + 1);
        }
        let range = staged.range(&groups);
        if first.is_some_and(|place| range.contains(&place))
            && let Some(place) = self.take_back_blocks(part, &range).await?
        {
            return Ok(Outcome::Refused(place, TOO_DEEP.0, TOO_DEEP.1));
        }
        let restored = self.restore(part, &range).await?;
        let diverted = self.divert(part, &range).await?;
        if let Some(place) = self.first_breaking(part, range.clone()).await? {
            return Ok(shorter_or(staged, &groups, place, BREAKS));
        }
        let folded = self.fold(events, part, &staged.places, range.clone(), &diverted).await?;
        if let Some(outcome) = self.refuse_conflicts(events, part, staged, &groups).await? {
            return Ok(outcome);
        }
        if let Some((code, reason)) = self.take_reversed(part).await? {
            // A reversal that is judged comes first; where none is, any group may be to blame.
            return Ok(match groups.len() {
                many if many > 1 && code == NOT_KEPT.0 => Outcome::Shorter(groups.start + many / 2),
                _ => Outcome::Refused(range.start, code, reason),
            });
        }
        if self.careful {
            self.follow_spans().await?;
            self.derive().await?;
        }
        let kept = diverted.values().filter(|new| **new).count() as u64;
        Ok(Outcome::Applied(groups, (folded + kept).saturating_sub(restored)))
    }

    /// The first of some places at which events are taken back, as far as the order matters.
    async fn first_correction(
        &mut self,
        part: &[usize],
        range: Range<usize>,
    ) -> Asked<Option<usize>> {
        let sql = self.sql.clone();
        let reorganisations = sql.corrections.of(part).flat_map(|of| {
            let conflict = of.blocks.as_ref().map(|blocks| &blocks.first_conflict);
            conflict.into_iter().chain(&of.first_marker)
        });
        let reversals = part
            .iter()
            .filter_map(|target| sql.corrections.targets[*target].first_reversal.as_ref());
        let queries: Vec<&String> = reorganisations.chain(reversals).collect();
        let mut first: Option<i32> = None;
        for query in queries {
            let place = self.place(query, &range).await?;
            first = [first, place].into_iter().flatten().min();
        }
        Ok(first.and_then(|place| usize::try_from(place).ok()))
    }

    async fn place(&mut self, query: &str, range: &Range<usize>) -> Asked<Option<i32>> {
        let (first, last) = bounds(range);
        let statement = self.prepared(query).await?;
        Ok(self.connection.query_one(&statement, &[&first, &last]).await?.get(0))
    }

    /// Takes back the events of the blocks that the events of one group replace or suspend. Gives
    /// the place of one that would reach too deep.
    async fn take_back_blocks(
        &mut self,
        part: &[usize],
        range: &Range<usize>,
    ) -> Asked<Option<usize>> {
        let sql = self.sql.clone();
        let reorganisations: Vec<&OfReorganisation> = sql.corrections.of(part).collect();
        for of in reorganisations {
            if let Some(blocks) = &of.blocks {
                // Each turn replaces a block for good, so a group of n rows has at most n of them.
                while let Some(place) = self.place(&blocks.first_conflict, range).await? {
                    let (first, _) = bounds(range);
                    self.effect(&blocks.note_replaced, &[&first, &place]).await?;
                    if self.lose(of).await? {
                        return Ok(usize::try_from(place).ok());
                    }
                }
            }
            let (Some(marker), Some(note)) = (&of.first_marker, &of.note_suspended) else {
                continue;
            };
            if let Some(place) = self.place(marker, range).await? {
                let (first, last) = bounds(range);
                self.effect(note, &[&first, &last]).await?;
                if self.lose(of).await? {
                    return Ok(usize::try_from(place).ok());
                }
            }
        }
        Ok(None)
    }

    /// Takes back the events of the blocks that are noted, or finds that one lies too deep, be it
    /// beyond what is kept: `true`.
    async fn lose(&mut self, of: &OfReorganisation) -> Asked<bool> {
        if self.holds(&of.too_deep).await? {
            return Ok(true);
        }
        self.effect(&of.set_states, &[]).await?;
        self.connection.batch_execute(&plan_by_key()).await?;
        for Lose { thaw, take, after } in &of.lose {
            self.thaw_for(thaw).await?;
            let taken = self.effect(take, &[]).await?;
            if taken > 0
                && let Some(query) = &after.reaches_back
                && self.holds(query).await?
            {
                return Ok(true);
            }
            self.follow(taken, after).await?;
        }
        self.connection.batch_execute(&format!("{}; {}", of.forget, plan_freely())).await?;
        Ok(false)
    }

    /// Puts what is to be taken back into its chunks, where it is folded.
    async fn thaw_for(&mut self, thaw: &Thaw) -> Asked<()> {
        if thaw.statements.is_empty() || !self.holds(&thaw.is_folded).await? {
            return Ok(());
        }
        for statement in &thaw.statements {
            self.effect_rows(statement, &[]).await?;
        }
        Ok(())
    }

    /// Computes the rollups anew where rows are gone.
    async fn follow(&mut self, taken: u64, after: &After) -> Asked<()> {
        if taken == 0 {
            return Ok(());
        }
        for statement in &after.recompute {
            self.effect(statement, &[]).await?;
        }
        self.connection.batch_execute(&after.empty).await
    }

    /// Takes suspended events that come again out of the retracted ones, and makes the blocks
    /// known; gives how many came again.
    async fn restore(&mut self, part: &[usize], range: &Range<usize>) -> Asked<u64> {
        let sql = self.sql.clone();
        let (first, last) = bounds(range);
        let mut restored = 0;
        for target in part {
            if let Some(restore) = &sql.corrections.targets[*target].restore {
                restored += self.effect_rows(restore, &[&first, &last]).await?.len() as u64;
            }
        }
        let reorganisations = sql.corrections.of(part);
        let blocks: Vec<&Blocks> = reorganisations.filter_map(|of| of.blocks.as_ref()).collect();
        for blocks in blocks {
            self.effect(&blocks.register, &[&first, &last]).await?;
            self.effect(&blocks.settle, &[&first, &last]).await?;
        }
        Ok(restored)
    }

    /// Takes out of staging what does not count, or counts no more.
    async fn divert(&mut self, part: &[usize], range: &Range<usize>) -> Asked<Diverted> {
        let sql = self.sql.clone();
        let (first, last) = bounds(range);
        let mut diverted = Diverted::new();
        for target in part {
            let target = &sql.corrections.targets[*target];
            for statement in target.divert_reversals.iter().chain(&target.divert_known) {
                for row in self.effect_rows(statement, &[&first, &last]).await? {
                    let (place, new): (i32, bool) = (row.get(0), row.get(1));
                    *diverted.entry(place as usize).or_default() |= new;
                }
            }
        }
        Ok(diverted)
    }

    /// Takes back what the new reversals of a range name; gives why that cannot be.
    async fn take_reversed(
        &mut self,
        part: &[usize],
    ) -> Asked<Option<(&'static str, &'static str)>> {
        let sql = self.sql.clone();
        for target in part {
            let target = &sql.corrections.targets[*target];
            let Some(take) = &target.take_reversed else { continue };
            self.thaw_for(&target.thaw_reversed).await?;
            self.connection.batch_execute(&plan_by_key()).await?;
            let taken = self.effect(take, &[]).await?;
            if taken > 0 {
                if let Some(query) = &target.after.reaches_back
                    && self.holds(query).await?
                {
                    return Ok(Some(NOT_KEPT));
                }
                for statement in &target.after.recompute {
                    self.effect(statement, &[]).await?;
                }
                if let Some(check) = &target.breaks_check
                    && self.holds(check).await?
                {
                    return Ok(Some(BREAKS));
                }
            }
            let end = format!("{}; {}", target.after.empty, plan_freely());
            self.connection.batch_execute(&end).await?;
        }
        Ok(None)
    }

    /// Refuses the events whose key is known with another content. They are not in the stream, so
    /// one that stands alone needs nothing else.
    async fn refuse_conflicts(
        &mut self,
        events: &mut Events<'_>,
        part: &[usize],
        staged: &Staged,
        groups: &Range<usize>,
    ) -> Asked<Option<Outcome>> {
        let sql = self.sql.clone();
        let (first, last) = bounds(&staged.range(groups));
        let mut places = Vec::new();
        for target in part {
            let Some(query) = &sql.corrections.targets[*target].in_conflict else { continue };
            let rows = self.effect_rows(query, &[&first, &last]).await?;
            places.extend(rows.iter().map(|row| row.get::<_, i32>(0) as usize));
        }
        places.sort_unstable();
        let together = places.iter().find(|place| !events.stands_alone(staged.places[**place]));
        if let Some(place) = together {
            return Ok(Some(shorter_or(staged, groups, *place, CONFLICT)));
        }
        for place in places {
            events.refuse(staged.places[place], CONFLICT.0, CONFLICT.1);
        }
        Ok(None)
    }

    /// The statement, prepared once a connection.
    pub(super) async fn prepared(&mut self, text: &str) -> Asked<Statement> {
        if let Some(statement) = self.corrections.get(text) {
            return Ok(statement.clone());
        }
        let statement = self.connection.prepare(text).await?;
        self.corrections.insert(text.to_owned(), statement.clone());
        Ok(statement)
    }

    async fn effect(&mut self, text: &str, values: &[&(dyn ToSql + Sync)]) -> Asked<u64> {
        let statement = self.prepared(text).await?;
        self.connection.execute(&statement, values).await
    }

    async fn effect_rows(
        &mut self,
        text: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Asked<Vec<tokio_postgres::Row>> {
        let statement = self.prepared(text).await?;
        self.connection.query(&statement, values).await
    }

    async fn holds(&mut self, query: &str) -> Asked<bool> {
        let statement = self.prepared(query).await?;
        Ok(self.connection.query_one(&statement, &[]).await?.get(0))
    }
}

/// The group of `place` is refused when it is the first, else what is before it goes first.
fn shorter_or(
    staged: &Staged,
    groups: &Range<usize>,
    place: usize,
    (code, reason): (&'static str, &'static str),
) -> Outcome {
    match staged.group_of(place) {
        group if group > groups.start => Outcome::Shorter(group),
        _ => Outcome::Refused(place, code, reason),
    }
}
