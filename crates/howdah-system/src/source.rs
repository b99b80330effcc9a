//! Where events come from and how their fields become columns.

use std::path::PathBuf;

use howdah_catalog::Ident;

use crate::secret::SecretRef;

/// A source: where events come from, in what form, and into which stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// The name in the file.
    pub name: String,
    /// Where the events are.
    pub origin: Origin,
    /// How one event is written.
    pub format: Format,
    /// The most events a second that are taken from it, by all of its shards together; `None`: as
    /// many as can be committed.
    pub rate: Option<u32>,
    /// JSON only: the path of an array of which each element is an event of its own, refused or
    /// accepted apart from its neighbours. Mappings reach into it by paths that begin with it.
    pub each: Option<Vec<String>>,
    /// Which events go into which stream; the first that matches takes the event. At least one.
    pub routes: Vec<Route>,
}

impl Source {
    /// The streams that the source fills, each once, in the order of its routes: indexes into
    /// `System::streams`.
    pub fn streams(&self) -> impl Iterator<Item = usize> + '_ {
        let earlier = |at: usize, stream| self.routes[..at].iter().any(|r| r.stream == stream);
        self.routes
            .iter()
            .enumerate()
            .filter(move |(at, route)| !earlier(*at, route.stream))
            .map(|(_, route)| route.stream)
    }

    /// Whether one of its routes leads into that stream (an index into `System::streams`).
    #[must_use]
    pub fn feeds(&self, stream: usize) -> bool {
        self.routes.iter().any(|route| route.stream == stream)
    }
}

/// Which events of a source go into which stream, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// Index into `System::streams`.
    pub stream: usize,
    /// What the event's fields must hold; empty: every event.
    pub when: Vec<Condition>,
    /// What the fields of an event that took this route must hold besides; else it is refused.
    pub expect: Vec<Expectation>,
    /// An event that takes this route goes on to the next one that matches, too: it gives rows for
    /// each, which are stored together or not at all.
    pub also: bool,
    /// JSON only: the path of an array within the event of which each element is a row of the
    /// stream, a leg. The legs of an event are stored together or not at all.
    pub legs: Option<Vec<String>>,
    /// One entry per column that the events give, in the order of the stream's columns; columns
    /// that are generated, or neither mapped nor to be had by name, are left out.
    pub map: Vec<Mapping>,
}

/// A condition of a route: a field holds one of some texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The way to the field.
    pub path: Vec<String>,
    /// The texts.
    pub is: Vec<String>,
}

/// What a field of an event must hold, once its route is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// The way to the field.
    pub path: Vec<String>,
    /// The texts, one of which it must hold.
    pub is: Vec<String>,
    /// The texts are hexadecimal digits, of which case and `0x` do not matter.
    pub hex: bool,
    /// The code of the refusal when it holds something else.
    pub refused: String,
}

/// Where the events of a source are.
#[derive(Debug, Clone, PartialEq)]
pub enum Origin {
    /// Redis streams.
    Redis {
        /// `redis://` or `rediss://` URL, by reference.
        url: SecretRef,
        /// The keys of the streams in Redis; at least one, each once.
        streams: Vec<String>,
        /// With [`Format::Json`], the entry fields of which the first that is there holds the
        /// event; at least one.
        fields: Vec<String>,
        /// The consumer group that shows what is committed; it decides nothing.
        group: Option<RedisGroup>,
    },
    /// A file; NDJSON or CSV.
    File {
        /// The path; relative ones are taken from the folder of the system file.
        path: PathBuf,
    },
    /// Standard input; NDJSON or CSV.
    Stdin,
    /// Requests to howdah's own HTTP server; each says by its headers whether it is JSON or CSV.
    Http,
    /// Messages of an MQTT 5 broker, each with JSON.
    Mqtt(Mqtt),
}

/// What a source asks of an MQTT broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mqtt {
    /// `mqtt://` or `mqtts://` URL, by reference.
    pub url: SecretRef,
    /// The topic filters; at least one.
    pub topics: Vec<String>,
    /// Names the session, which the broker keeps while nobody is connected.
    pub client_id: String,
    /// How many messages the broker may send ahead of their acknowledgement.
    pub inflight: u16,
    /// With `mqtts://`, a PEM file of the authorities to trust instead of the system's.
    pub authorities: Option<PathBuf>,
}

/// The level that a path of an MQTT source names: `topic[5]` is the sixth level of the topic.
#[must_use]
pub fn topic_level(path: &str) -> Option<usize> {
    let digits = path.strip_prefix("topic[")?.strip_suffix(']')?;
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// A consumer group of howdah's own on each stream of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisGroup {
    /// Its name.
    pub name: String,
    /// The name of the consumer in it; `None`: that of the host.
    pub consumer: Option<String>,
}

/// How one event is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A JSON object (one a line in files).
    Json,
    /// CSV by RFC 4180 with a header line.
    Csv,
    /// The entry's own fields (Redis only).
    Fields,
}

/// How one column is had from an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapping {
    /// The column.
    pub column: Ident,
    /// Its position in `Stream::columns`.
    pub index: usize,
    /// Where the value comes from.
    pub from: MapFrom,
    /// The code of the refusal of a value that does not fit, instead of the usual ones.
    pub refused: Option<String>,
    /// The code of the refusal of an event without the value, which it then cannot do without.
    pub missing: Option<String>,
    /// The value of an event without one, as a text of the column's type.
    pub default: Option<String>,
}

impl Mapping {
    /// A mapping with the usual codes of refusal.
    pub fn new(column: Ident, index: usize, from: MapFrom) -> Self {
        Self { column, index, from, refused: None, missing: None, default: None }
    }
}

/// Where a column's value comes from.
///
/// The names of a path lead through nested objects. A name that ends in `[]` leads into the
/// elements of an array: that of [`Source::each`] or that of [`Route::legs`].
#[derive(Debug, Clone, PartialEq)]
pub enum MapFrom {
    /// A field of the event.
    Field {
        /// The way to it: one name, or several through nested objects.
        path: Vec<String>,
        /// How to read it where the type alone does not say.
        read_as: ReadAs,
        /// Texts that stand for other texts (`true` → `sell`); a text that is not listed is a
        /// mistake of the event. Empty: taken as it is.
        values: Vec<(String, String)>,
    },
    /// The same text for every event.
    Const(String),
    /// The number of the leg within its event, from 1.
    LegNumber,
    /// The event's own JSON: with [`Source::each`] that of the element.
    Event,
    /// The Keccak-256 hash of the parts one behind the other; null when a part is missing.
    Keccak256(Vec<HashPart>),
}

/// A part of what is hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HashPart {
    /// The same bytes for every event.
    Const(Vec<u8>),
    /// The bytes that a field holds as hexadecimal digits: the way to it.
    Field(Vec<String>),
    /// The text of the event's own JSON.
    Event,
}

/// How to read a value where the column's type leaves it open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReadAs {
    /// By the type: times as RFC 3339, bytea as hex with `\x` or `0x`.
    #[default]
    Type,
    /// A time as seconds since 1970, perhaps with a fraction.
    EpochSeconds,
    /// A time as milliseconds since 1970.
    EpochMillis,
    /// A time as microseconds since 1970.
    EpochMicros,
    /// bytea as hexadecimal digits, with or without `0x`; of this many bytes, when given.
    Hex(Option<u32>),
    /// bytea as base64.
    Base64,
    /// A text as the hexadecimal digits of its UTF-8; null when the bytes are no text.
    HexText,
    /// bytea as hexadecimal digits, null when [`ReadAs::HexText`] is not.
    HexNotText,
    /// A whole number from 0 to 2²⁵⁶−1, as `0x` and hexadecimal digits or as decimal ones: a
    /// number, a text with its decimal digits, or a time as seconds since 1970.
    Quantity,
}
