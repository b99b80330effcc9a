//! From the order in which events happen to the order in which they arrive: late, out of order,
//! twice, and broken.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::dice::Dice;
use crate::expected::{Broken, Claim, Expected};
use crate::timeline::{Moment, Timeline};
use crate::{Event, Options};

/// Lateness of the brief: up to an hour is normal for fills.
const LATE_MS: u64 = 3_600_000;
/// Clock skew and parallel connections of the brief: five seconds.
const DISORDER_MS: u64 = 5_000;
/// A reconnect replays the last minute.
const REPLAY_MS: u64 = 60_000;

/// What makes the events of a system in the order in which they happen.
pub(crate) trait Maker {
    /// The next event, as it should be.
    fn event(&mut self, moment: Moment) -> Event;

    /// The next event, broken in some way.
    fn broken(&mut self, moment: Moment) -> (Event, Broken);

    /// Sums that hold once all events are stored, at the end of the feed.
    fn claims(&self) -> Vec<Claim> {
        Vec::new()
    }
}

/// The messages of a feed in order of arrival; ends after `Options::events` of them.
#[derive(Debug)]
pub(crate) struct Arrivals<M> {
    options: Options,
    timeline: Timeline,
    dice: Dice,
    maker: M,
    /// Messages made so far, those held back included.
    made: u64,
    /// The time up to which events have been made.
    now_ms: i64,
    held: BinaryHeap<Reverse<Held>>,
    expected: Expected,
    ended: bool,
}

/// A message that arrives later than it was made. Ordered by arrival, then by when it was made,
/// so that the order never depends on the heap.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Held {
    /// When it arrives.
    pub(crate) arrives_ms: i64,
    /// How many messages were made before it.
    pub(crate) serial: u64,
    /// The stream it goes to.
    pub(crate) stream: &'static str,
    /// The message.
    pub(crate) json: String,
}

impl<M: Maker> Arrivals<M> {
    pub(crate) fn new(options: &Options, maker: M) -> Self {
        Self {
            timeline: Timeline::new(options),
            dice: Dice::new(options.seed, 1),
            maker,
            made: 0,
            now_ms: i64::MIN,
            held: BinaryHeap::new(),
            expected: Expected::default(),
            ended: false,
            options: options.clone(),
        }
    }

    pub(crate) fn expected(&self) -> &Expected {
        &self.expected
    }

    fn hold(&mut self, event: Event, delay_ms: u64) {
        self.held.push(Reverse(Held {
            arrives_ms: self.now_ms + 1 + self.dice.below(delay_ms) as i64,
            serial: self.made,
            stream: event.stream,
            json: event.json,
        }));
    }

    fn release(&mut self) -> Option<Event> {
        let held = self.held.pop().map(|Reverse(held)| Event::one(held.stream, held.json));
        if held.is_none() && !self.ended {
            self.ended = true;
            self.maker.claims().into_iter().for_each(|claim| self.expected.claim(claim));
        }
        held
    }

    /// Makes the next event; `None` when it is held back.
    fn make(&mut self) -> Option<Event> {
        let moment = self.timeline.moment(self.made);
        self.now_ms = moment.ms;
        self.made += 1;
        if self.dice.per_million(self.options.broken_per_million) {
            let (event, kind) = self.maker.broken(moment);
            self.expected.count_broken(event.stream, kind);
            return Some(event);
        }
        let event = self.maker.event(moment);
        self.expected.count_row(event.stream);
        if self.made < self.options.events
            && self.dice.per_million(self.options.duplicates_per_million)
        {
            self.made += 1;
            self.expected.count_duplicate(event.stream);
            self.hold(event.clone(), REPLAY_MS);
        }
        if self.dice.per_million(self.options.late_per_million) {
            self.expected.count_late();
            self.hold(event, LATE_MS);
            return None;
        }
        if self.dice.per_million(self.options.disorder_per_million) {
            self.expected.count_out_of_order();
            self.hold(event, DISORDER_MS);
            return None;
        }
        Some(event)
    }
}

impl<M: Maker> Iterator for Arrivals<M> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            let due = self.held.peek().is_some_and(|held| held.0.arrives_ms <= self.now_ms);
            if due || self.made >= self.options.events {
                return self.release();
            }
            if let Some(event) = self.make() {
                return Some(event);
            }
        }
    }
}
