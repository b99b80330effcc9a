//! A batch as the writer sees it: rows, the events that they are legs of, and the groups of events
//! that stand or fall together; and what became of each.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::batch::{Row, events_of};

/// One event of a batch.
#[derive(Debug, Clone)]
pub(super) struct Event {
    /// Its legs: indexes into the batch's rows.
    pub(super) rows: Range<usize>,
    /// Its group: a number that rises by one from group to group.
    pub(super) group: usize,
    /// Into which of the source's streams its first row goes.
    pub(super) target: usize,
}

/// Why a group was refused.
#[derive(Debug, Clone)]
struct Verdict {
    /// The event that is to blame.
    event: usize,
    code: String,
    reason: String,
}

/// An event that was refused after decoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    /// Its place among the batch's events.
    pub(super) event: usize,
    /// Its first leg's place among the batch's rows.
    pub(super) row: usize,
    /// Why, as one word; [`GROUP_REFUSED`] when another event of its group is to blame.
    pub(super) code: String,
    /// Why, as a sentence without values.
    pub(super) reason: String,
}

/// The code of an event that was left out because of another one of its group.
pub(super) const GROUP_REFUSED: &str = "group_refused";

/// The events of a batch on their way into the database.
#[derive(Debug)]
pub(super) struct Events<'b> {
    pub(super) rows: &'b [Row],
    /// For each route, into which of the source's streams it leads.
    targets: Vec<usize>,
    pub(super) all: Vec<Event>,
    /// For each group, its events.
    groups: Vec<Range<usize>>,
    verdicts: BTreeMap<usize, Verdict>,
    /// Whether a group has events of more than one stream.
    mixed: bool,
    /// Whether an event has several rows.
    legs: bool,
}

impl<'b> Events<'b> {
    /// `targets` gives, for each route, into which of the source's streams it leads.
    pub(super) fn new(rows: &'b [Row], targets: Vec<usize>) -> Self {
        let mut all: Vec<Event> = Vec::with_capacity(rows.len());
        let mut groups: Vec<Range<usize>> = Vec::with_capacity(rows.len());
        let (mut mixed, mut legs) = (false, false);
        for range in events_of(rows) {
            let first = &rows[range.start];
            let target_of = |row: &Row| targets.get(row.route).copied().unwrap_or_default();
            let target = target_of(first);
            mixed |= rows[range.clone()].iter().any(|row| target_of(row) != target);
            let at = all.len();
            match (all.last(), groups.last_mut()) {
                (Some(last), Some(group)) if rows[last.rows.start].group == first.group => {
                    mixed |= last.target != target;
                    group.end = at + 1;
                }
                _ => groups.push(at..at + 1),
            }
            legs |= range.len() > 1;
            all.push(Event { rows: range, group: groups.len() - 1, target });
        }
        Self { rows, targets, all, groups, verdicts: BTreeMap::new(), mixed, legs }
    }

    /// Into which of the source's streams a row goes.
    pub(super) fn target_of(&self, row: usize) -> usize {
        self.targets.get(self.rows[row].route).copied().unwrap_or_default()
    }

    /// The sets of streams that can be written one after the other, whatever is refused in another
    /// set; each with at least one event.
    pub(super) fn parts(&self) -> Vec<Vec<usize>> {
        let mut targets: Vec<usize> = (0..self.rows.len()).map(|row| self.target_of(row)).collect();
        targets.sort_unstable();
        targets.dedup();
        if self.mixed { vec![targets] } else { targets.into_iter().map(|t| vec![t]).collect() }
    }

    /// Whether an event has several rows.
    pub(super) fn have_legs(&self) -> bool {
        self.legs
    }

    /// The events of one of [`Self::parts`] that are not refused: indexes into [`Self::all`].
    pub(super) fn live(&self, part: &[usize]) -> Vec<usize> {
        let live = |(_, event): &(usize, &Event)| {
            part.contains(&event.target) && !self.verdicts.contains_key(&event.group)
        };
        self.all.iter().enumerate().filter(live).map(|(at, _)| at).collect()
    }

    /// Refuses the group of an event; the first verdict on a group stays.
    pub(super) fn refuse(&mut self, event: usize, code: &str, reason: impl Into<String>) {
        let (code, reason) = (code.to_owned(), reason.into());
        let group = self.all[event].group;
        self.verdicts.entry(group).or_insert(Verdict { event, code, reason });
    }

    /// Takes the verdict on the group of an event back.
    pub(super) fn pardon(&mut self, event: usize) {
        self.verdicts.remove(&self.all[event].group);
    }

    /// The events of the group of one.
    pub(super) fn group_of(&self, event: usize) -> Range<usize> {
        self.groups[self.all[event].group].clone()
    }

    /// Whether an event is alone in its group, with one row.
    pub(super) fn stands_alone(&self, event: usize) -> bool {
        let Event { rows, group, .. } = &self.all[event];
        rows.len() == 1 && self.groups[*group].len() == 1
    }

    /// Every event that was refused, in stream order.
    pub(super) fn refused(&self) -> Vec<Refused> {
        let mut out = Vec::new();
        for (group, verdict) in &self.verdicts {
            for event in self.groups[*group].clone() {
                let blamed = event == verdict.event;
                let (code, reason) = if blamed {
                    (verdict.code.clone(), verdict.reason.clone())
                } else {
                    (GROUP_REFUSED.to_owned(), "another event of its group was refused".to_owned())
                };
                out.push(Refused { event, row: self.all[event].rows.start, code, reason });
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::batch::Position;

    fn row(event: &str, raw: &Bytes, route: usize, group: u32) -> Row {
        let position = Position(event.to_owned());
        let (copy, raw) = (Bytes::new(), raw.clone());
        Row { position, copy, route, group, raw: raw.into(), time_us: 0 }
    }

    #[test]
    fn legs_are_one_event_and_a_group_falls_together() {
        let [a, b, c] = ["a", "b", "c"].map(Bytes::from);
        let rows = [
            row("1", &a, 0, 0),
            row("1", &a, 0, 0),
            row("2", &b, 0, 1),
            row("3", &c, 1, 1),
            row("4", &c, 1, 2),
        ];
        let mut events = Events::new(&rows, vec![0, 1]);
        assert_eq!(events.all.len(), 4);
        assert!(events.have_legs());
        assert_eq!(events.parts(), [vec![0, 1]], "a group spans both streams");
        events.refuse(2, "x", "because");
        assert_eq!(events.live(&[0, 1]), [0, 3]);
        let refused: Vec<(usize, String)> =
            events.refused().into_iter().map(|refused| (refused.row, refused.code)).collect();
        assert_eq!(refused, [(2, GROUP_REFUSED.to_owned()), (3, "x".to_owned())]);
        assert!(events.stands_alone(3) && !events.stands_alone(0) && !events.stands_alone(1));
    }
}
