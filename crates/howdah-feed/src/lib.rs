//! Deterministic event feeds of the systems, with realistic skew, duplicates and lateness.
//!
//! [`events`] makes a system's events in the order in which they arrive, [`entities_sql`] the rows
//! that these events speak of: both count people, accounts and instruments by the same indexes, so
//! they agree without knowing each other. The same [`Options`] give the same bytes on every
//! machine: randomness is ChaCha8, money is counted in whole ticks and lots, and the few weights
//! computed in floats use square roots only, which IEEE 754 rounds exactly.
//!
//! One module per system. Nothing here reads a clock, a file or the network.

mod arrival;
mod calls;
pub mod chain;
mod dice;
mod expected;
mod factory;
mod fleet;
mod json;
mod rows;
mod timeline;
mod trading;

use howdah_error::{Error, Result};

use arrival::Arrivals;

pub use expected::{Broken, Claim, Counts, Expected};

/// A message, as a producer would send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The Redis stream that it is sent to; named as the stream of the system file.
    pub stream: &'static str,
    /// The message: a JSON object on one line, or the beginning of one when it is
    /// [`Broken::Malformed`].
    pub json: String,
    /// How many events the message carries.
    pub events: u64,
}

impl Event {
    /// A message of one event.
    fn one(stream: &'static str, json: String) -> Self {
        Self { stream, json, events: 1 }
    }
}

/// The messages of a system in the order of their arrival; ends when they carry
/// [`Options::events`] events.
#[derive(Debug)]
pub struct Feed(Course);

#[derive(Debug)]
enum Course {
    Trading(Box<Arrivals<trading::Trading>>),
    Factory(Box<Arrivals<factory::Factory>>),
    Chain(Box<chain::Course>),
    Calls(Box<calls::Course>),
    Fleet(Box<fleet::Course>),
}

impl Feed {
    /// What a store must hold after this feed; complete once the feed has ended.
    #[must_use]
    pub fn expected(&self) -> &Expected {
        match &self.0 {
            Course::Trading(course) => course.expected(),
            Course::Factory(course) => course.expected(),
            Course::Chain(course) => course.expected(),
            Course::Calls(course) => course.expected(),
            Course::Fleet(course) => course.expected(),
        }
    }
}

impl Iterator for Feed {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        match &mut self.0 {
            Course::Trading(course) => course.next(),
            Course::Factory(course) => course.next(),
            Course::Chain(course) => course.next(),
            Course::Calls(course) => course.next(),
            Course::Fleet(course) => course.next(),
        }
    }
}

/// What to generate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How many events arrive in all, duplicates and broken ones included.
    pub events: u64,
    /// A load of the system by name, where its feed has several; empty: the usual one.
    pub profile: String,
    /// The seed: another seed, another course of events.
    pub seed: u64,
    /// The time of the last event, in milliseconds since 1970.
    pub until_ms: i64,
    /// The time from the first event to the last, in milliseconds.
    pub span_ms: i64,
    /// How many tenants there are.
    pub tenants: u32,
    /// How many symbols each exchange trades.
    pub symbols: u32,
    /// Exact repeats of an earlier message, per million messages.
    pub duplicates_per_million: u32,
    /// Messages held back for up to an hour, per million.
    pub late_per_million: u32,
    /// Messages held back for up to five seconds, per million: they arrive out of order.
    pub disorder_per_million: u32,
    /// Messages that cannot be stored, per million.
    pub broken_per_million: u32,
}

impl Options {
    /// `events` messages over the 24 hours before `until_ms` (milliseconds since 1970; callers pass
    /// the present), of 500 tenants on 200 symbols, with the faults of the brief: 1 % duplicates,
    /// 0.5 % late, 2 % out of order, 0.1 % broken.
    #[must_use]
    pub fn new(events: u64, seed: u64, until_ms: i64) -> Self {
        Self {
            events,
            profile: String::new(),
            seed,
            until_ms,
            span_ms: 24 * 3_600_000,
            tenants: 500,
            symbols: 200,
            duplicates_per_million: 10_000,
            late_per_million: 5_000,
            disorder_per_million: 20_000,
            broken_per_million: 1_000,
        }
    }
}

/// The field of a Redis entry in which the producer of `system` sends a message.
#[must_use]
pub fn redis_field(system: &str) -> &'static str {
    if system == "chain" { "payload" } else { "data" }
}

/// The systems that have a feed.
#[must_use]
pub fn systems() -> &'static [&'static str] {
    &["trading", "chain", "calls", "fleet", "factory"]
}

/// The events of `system`, in the order in which they arrive.
///
/// An unknown system and options outside their bounds are errors of kind `Input`.
pub fn events(system: &str, options: &Options) -> Result<Feed> {
    known(system)?;
    checked(options)?;
    Ok(Feed(match system {
        "chain" => Course::Chain(Box::new(chain::Course::new(options)?)),
        "calls" => Course::Calls(Box::new(calls::Course::new(options))),
        "fleet" => Course::Fleet(Box::new(fleet::Course::new(options))),
        "factory" => {
            let maker = factory::Factory::new(options);
            Course::Factory(Box::new(Arrivals::new(options, maker)))
        }
        _ => {
            let maker = trading::Trading::new(options);
            Course::Trading(Box::new(Arrivals::new(options, maker)))
        }
    }))
}

/// SQL that inserts the entities of `system` which the events of the same options speak of.
///
/// Statements separated by `;`, to be run in one transaction (some constraints hold at commit) by
/// a role that may write every tenant's rows. Running it again changes nothing.
/// An unknown system and options outside their bounds are errors of kind `Input`.
pub fn entities_sql(system: &str, options: &Options) -> Result<String> {
    known(system)?;
    checked(options)?;
    // The chain's one entity, the deployment, comes with its migrations.
    Ok(match system {
        "trading" => trading::entities_sql(options),
        "calls" => calls::entities_sql(options),
        "fleet" => fleet::entities_sql(options),
        "factory" => factory::entities_sql(options),
        _ => String::new(),
    })
}

fn known(system: &str) -> Result<()> {
    if systems().contains(&system) {
        return Ok(());
    }
    Err(Error::input(format!("there is no feed for system \"{system}\""))
        .hint(format!("Systems with a feed: {}.", systems().join(", "))))
}

/// Bounds that keep memory small and times within four-digit years.
fn checked(options: &Options) -> Result<()> {
    const YEAR_MS: i64 = 366 * 24 * 3_600_000;
    let wrong = |what: &str, bounds: &str| {
        Err(Error::input(format!("feed option \"{what}\" is out of bounds"))
            .hint(format!("It lies between {bounds}.")))
    };
    if !(0..=1 << 40).contains(&options.events) {
        return wrong("events", "0 and 2^40");
    }
    if !(100 * YEAR_MS / 10..=200 * YEAR_MS).contains(&options.until_ms) {
        return wrong("until", "the years 1980 and 2170");
    }
    if !(1_000..=10 * YEAR_MS).contains(&options.span_ms) {
        return wrong("span", "a second and ten years");
    }
    if !(1..=100_000).contains(&options.tenants) {
        return wrong("tenants", "1 and 100,000");
    }
    if !(2..=10_000).contains(&options.symbols) {
        return wrong("symbols", "2 and 10,000");
    }
    let faults = [
        options.duplicates_per_million,
        options.late_per_million,
        options.disorder_per_million,
        options.broken_per_million,
    ];
    if faults.iter().any(|share| *share > 500_000) {
        return wrong("duplicates, late, disorder or broken", "0 and 500,000 per million");
    }
    Ok(())
}
