//! The sources of the campaign, and the shapes of the batches that they make.

use std::fmt;

use super::requests::{ORDERS, TRADES};

/// A source of the system file, as the matrix shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// NDJSON in a file.
    Lines,
    /// CSV in a file.
    Records,
    /// NDJSON by standard input, which is fed again as long as howdah has not come to its end.
    Stdin,
    /// A Redis stream with JSON in a field.
    Json,
    /// A Redis stream of fields, judged by a state's check.
    Fields,
    /// Two Redis streams, two shards, with a consumer group.
    Shards,
    /// A Redis stream whose events have legs and go into two streams.
    Legs,
    /// A Redis stream whose events take others back.
    Corrections,
    /// A Redis stream without persistence.
    Forgetful,
    /// Requests of NDJSON into a stream without a key.
    HttpLines,
    /// Requests of CSV into a stream without a key.
    HttpCsv,
    /// Requests of JSON into a stream that other sources fill too.
    HttpJson,
}

impl Source {
    /// Those that any fault of howdah or of PostgreSQL may meet.
    pub const ALL: [Self; 11] = [
        Self::Lines,
        Self::Records,
        Self::Stdin,
        Self::Json,
        Self::Fields,
        Self::Shards,
        Self::Legs,
        Self::Corrections,
        Self::HttpLines,
        Self::HttpCsv,
        Self::HttpJson,
    ];

    /// Its name in the system file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lines => "trades_file",
            Self::Records => "fills_file",
            Self::Stdin => "trades_stdin",
            Self::Json => "trades",
            Self::Fields => "postings",
            Self::Shards => "trades_shards",
            Self::Legs => "transfers",
            Self::Corrections => "readings",
            Self::Forgetful => "beats",
            Self::HttpLines | Self::HttpCsv => "orders",
            Self::HttpJson => "trades_http",
        }
    }

    /// The Redis streams that it reads.
    pub fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Json => &["trades"],
            Self::Fields => &["postings"],
            Self::Shards => &["east", "west"],
            Self::Legs => &["transfers"],
            Self::Corrections => &["readings"],
            _ => &[],
        }
    }

    /// The table of its events.
    pub fn table(self) -> &'static str {
        match self {
            Self::Records => "fills",
            Self::Fields => "postings",
            Self::Legs => "entries",
            Self::Corrections => "readings",
            Self::Forgetful => "beats",
            Self::HttpLines | Self::HttpCsv => "orders",
            Self::Lines | Self::Stdin | Self::Json | Self::Shards | Self::HttpJson => "trades",
        }
    }

    /// Where its requests are sent.
    pub fn path(self) -> Option<&'static str> {
        match self {
            Self::HttpLines | Self::HttpCsv => Some(ORDERS),
            Self::HttpJson => Some(TRADES),
            _ => None,
        }
    }

    /// Whether its events come by requests.
    pub fn is_http(self) -> bool {
        self.path().is_some()
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lines => "NDJSON file",
            Self::Records => "CSV file",
            Self::Stdin => "stdin",
            Self::Json => "Redis, JSON",
            Self::Fields => "Redis, fields",
            Self::Shards => "Redis, group, 2 shards",
            Self::Legs => "Redis, 2 streams, legs",
            Self::Corrections => "Redis, corrections",
            Self::Forgetful => "Redis, no persistence",
            Self::HttpLines => "HTTP, NDJSON",
            Self::HttpCsv => "HTTP, CSV",
            Self::HttpJson => "HTTP, JSON",
        })
    }
}

/// How large the batches of a round are at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A transaction for each event.
    One,
    /// A few events.
    Few,
    /// All that is there.
    Many,
}

impl Shape {
    /// All of them; the middle one is the usual one.
    pub const ALL: [Self; 4] = [Self::One, Self::Few, Self::Few, Self::Many];

    /// `batch_rows` of the system file.
    pub fn batch_rows(self) -> u64 {
        match self {
            Self::One => 1,
            Self::Few => 15,
            Self::Many => 400,
        }
    }

    /// Events of a round that ends with its first strike.
    pub fn few(self) -> u64 {
        match self {
            Self::One => 12,
            Self::Few => 60,
            Self::Many => 600,
        }
    }

    /// Events of a round that strikes again and again.
    pub fn many(self) -> u64 {
        match self {
            Self::One => 24,
            Self::Few => 300,
            Self::Many => 1_600,
        }
    }

    /// Batches among which a failpoint strikes first.
    pub fn batches(self) -> u64 {
        match self {
            Self::One => 8,
            Self::Few => 4,
            Self::Many => 2,
        }
    }

    /// How much longer a batch takes where a round waits for the time of a lease, in ms.
    pub fn slow_ms(self) -> u64 {
        match self {
            Self::One => 80,
            Self::Few => 250,
            Self::Many => 600,
        }
    }

    /// Events of one request.
    pub fn of_request(self) -> u64 {
        match self {
            Self::One => 1,
            Self::Few => 6,
            Self::Many => 80,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One => "one event",
            Self::Few => "up to 15 events",
            Self::Many => "up to 400 events",
        })
    }
}
