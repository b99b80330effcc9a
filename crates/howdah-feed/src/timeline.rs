//! When events happen: evenly over the span, but for one burst.

use crate::Options;

/// The brief's liquidation cascade lasts five minutes.
const BURST_MS: i64 = 5 * 60_000;
/// Two symbols that make a third of all trades trade twenty times as much: 7.3 times the events.
const BURST_RATE: (i64, i64) = (73, 10);

/// A moment of the feed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// Milliseconds since 1970.
    pub(crate) ms: i64,
    /// Whether it lies within the burst.
    pub(crate) burst: bool,
}

/// The course of time: calm, burst, calm.
#[derive(Debug)]
pub(crate) struct Timeline {
    start_ms: i64,
    /// Calm milliseconds before the burst.
    before_ms: i64,
    burst_ms: i64,
    /// The length of the feed in calm milliseconds: the burst counts as often as its rate.
    weight_ms: i64,
    events: u64,
}

impl Timeline {
    pub(crate) fn new(options: &Options) -> Self {
        // A short feed has a burst in proportion, so that it is not all burst.
        let burst_ms = BURST_MS.min(options.span_ms / 12);
        Self {
            start_ms: options.until_ms - options.span_ms,
            before_ms: (options.span_ms - burst_ms) * 3 / 5,
            burst_ms,
            weight_ms: options.span_ms - burst_ms + burst_ms * BURST_RATE.0 / BURST_RATE.1,
            events: options.events.max(1),
        }
    }

    /// The moment of the event with this number, counted from 0.
    pub(crate) fn moment(&self, number: u64) -> Moment {
        let weight = self.weight_ms.unsigned_abs();
        let done = u128::from(number) * u128::from(weight) / u128::from(self.events);
        let done = done as i64;
        let burst_weight = self.burst_ms * BURST_RATE.0 / BURST_RATE.1;
        let (after_start, burst) = if done < self.before_ms {
            (done, false)
        } else if done < self.before_ms + burst_weight {
            (self.before_ms + (done - self.before_ms) * BURST_RATE.1 / BURST_RATE.0, true)
        } else {
            (done - burst_weight + self.burst_ms, false)
        };
        Moment { ms: self.start_ms + after_start, burst }
    }
}
