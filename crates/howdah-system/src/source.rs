//! Where events come from and how their fields become columns.

use std::path::PathBuf;

use howdah_catalog::Ident;

use crate::secret::SecretRef;

/// A source: where events come from, in what form, and into which stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// The name in the file.
    pub name: String,
    /// Index into `System::streams`.
    pub stream: usize,
    /// Where the events are.
    pub origin: Origin,
    /// How one event is written.
    pub format: Format,
    /// One entry per column that the events give, in the order of the stream's columns; columns
    /// that are generated, or neither mapped nor to be had by name, are left out.
    pub map: Vec<Mapping>,
}

/// Where the events of a source are.
#[derive(Debug, Clone, PartialEq)]
pub enum Origin {
    /// A Redis stream.
    Redis {
        /// `redis://` or `rediss://` URL, by reference.
        url: SecretRef,
        /// The stream's key in Redis.
        stream: String,
        /// With [`Format::Json`], the entry field that holds the event.
        field: String,
    },
    /// A file; NDJSON or CSV.
    File {
        /// The path; relative ones are taken from the folder of the system file.
        path: PathBuf,
    },
    /// Standard input; NDJSON or CSV.
    Stdin,
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
}

/// Where a column's value comes from.
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
    /// bytea as hexadecimal digits, with or without `0x`.
    Hex,
    /// bytea as base64.
    Base64,
}
