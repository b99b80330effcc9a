//! Counters and histograms of the server, in the text form of OpenMetrics 1.0 that Prometheus
//! reads. Labels are bounded: endpoints, statuses, the sources of the system file, known codes.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use howdah_error::{Error, Result};
use howdah_stream::{Request, Verdict};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

/// What the text is.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of durations, in seconds.
const SECONDS: [f64; 15] =
    [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0];
/// Upper bounds of counts.
const COUNTS: [f64; 9] = [1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1_000.0, 3_000.0, 10_000.0];

/// The codes of refused events that are labels; every other one, such as an SQLSTATE that an
/// application's trigger makes up, is `other`.
const CODES: [&str; 23] = [
    "bad_json",
    "bad_csv",
    "bad_utf8",
    "too_large",
    "missing_field",
    "wrong_type",
    "out_of_range",
    "too_long",
    "lossy_numeric",
    "unknown_label",
    "unknown_value",
    "nul_character",
    "other_tenant",
    "no_route",
    "time_not_accepted",
    "no_longer_kept",
    "unknown_tenant",
    "check_refused",
    "23502",
    "23503",
    "23505",
    "23514",
    "P0001",
];

/// The code as a label.
pub fn code_label(code: &str) -> &'static str {
    CODES.iter().find(|known| **known == code).copied().unwrap_or("other")
}

/// What a request was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `/v1/streams/…` and `/v1/sources/…`.
    Ingest,
    /// `/livez`, `/readyz`.
    Health,
    /// `/metrics`.
    Metrics,
    /// Anything else.
    Other,
}

impl Endpoint {
    fn label(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Health => "health",
            Self::Metrics => "metrics",
            Self::Other => "other",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByStatus {
    endpoint: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByEndpoint {
    endpoint: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BySource {
    source: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    source: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByCode {
    source: String,
    code: &'static str,
}

type Histograms<Labels> = Family<Labels, Histogram, fn() -> Histogram>;

/// The server's own figures; others are collected when they are asked for.
#[derive(Debug)]
pub struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<ByStatus, Counter>,
    durations: Histograms<ByEndpoint>,
    connections: Gauge,
    turned_away: Counter,
    events: Family<ByOutcome, Counter>,
    refused: Family<ByCode, Counter>,
    group_requests: Histograms<BySource>,
    group_events: Histograms<BySource>,
    transactions: Histograms<BySource>,
    retries: Family<BySource, Counter>,
    failures: Family<BySource, Counter>,
}

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

fn counts() -> Histogram {
    Histogram::new(COUNTS)
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Self {
        let metrics = Self {
            registry: Mutex::new(Registry::with_prefix("howdah")),
            requests: Family::default(),
            durations: Family::new_with_constructor(seconds),
            connections: Gauge::default(),
            turned_away: Counter::default(),
            events: Family::default(),
            refused: Family::default(),
            group_requests: Family::new_with_constructor(counts),
            group_events: Family::new_with_constructor(counts),
            transactions: Family::new_with_constructor(seconds),
            retries: Family::default(),
            failures: Family::default(),
        };
        metrics.register();
        metrics
    }

    /// Adds what is looked up when the text is asked for.
    pub fn collect(&self, collector: impl Collector) {
        self.registry().register_collector(Box::new(collector));
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn register(&self) {
        let mut registry = self.registry();
        let version = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version of howdah", version);
        registry.register("http_requests", "Answers by endpoint and status", self.requests.clone());
        registry.register_with_unit(
            "http_request_duration",
            "From the head of a request to its answer",
            Unit::Seconds,
            self.durations.clone(),
        );
        registry.register("http_connections", "Connections open now", self.connections.clone());
        registry.register(
            "http_connections_refused",
            "Connections turned away because too many were open",
            self.turned_away.clone(),
        );
        registry.register("http_events", "Events of requests by outcome", self.events.clone());
        registry.register(
            "http_refused_events",
            "Events that made a request fail, by code",
            self.refused.clone(),
        );
        registry.register(
            "http_transaction_requests",
            "Requests that shared a transaction",
            self.group_requests.clone(),
        );
        registry.register(
            "http_transaction_events",
            "Events that shared a transaction",
            self.group_events.clone(),
        );
        registry.register_with_unit(
            "http_transaction_duration",
            "From the first statement of a transaction to the reply of its commit",
            Unit::Seconds,
            self.transactions.clone(),
        );
        registry.register(
            "http_retries",
            "Attempts that failed because the database was away or busy",
            self.retries.clone(),
        );
        registry.register(
            "http_failures",
            "Requests that failed by a mistake that another attempt does not mend",
            self.failures.clone(),
        );
    }

    /// The text.
    pub fn text(&self) -> Result<String> {
        let mut text = String::new();
        encode(&mut text, &self.registry())
            .map_err(|error| Error::internal("could not write the metrics").source(error))?;
        Ok(text)
    }

    /// A request was answered.
    pub fn answered(&self, endpoint: Endpoint, status: u16, took: Duration) {
        let endpoint = endpoint.label();
        self.requests.get_or_create(&ByStatus { endpoint, status }).inc();
        self.durations.get_or_create(&ByEndpoint { endpoint }).observe(took.as_secs_f64());
    }

    /// So many connections are open.
    pub fn connections(&self, open: usize) {
        self.connections.set(open as i64);
    }

    /// A connection was turned away.
    pub fn turned_away(&self) {
        self.turned_away.inc();
    }

    /// An event made its request fail.
    pub fn refused(&self, source: &str, code: &str) {
        let labels = ByCode { source: source.to_owned(), code: code_label(code) };
        self.refused.get_or_create(&labels).inc();
    }

    /// A transaction of these requests was committed.
    pub fn committed(
        &self,
        source: &str,
        requests: &[Request],
        verdicts: &[Verdict],
        took: Duration,
    ) {
        let by = BySource { source: source.to_owned() };
        let events: u64 = requests.iter().map(Request::event_count).sum();
        self.group_requests.get_or_create(&by).observe(requests.len() as f64);
        self.group_events.get_or_create(&by).observe(events as f64);
        self.transactions.get_or_create(&by).observe(took.as_secs_f64());
        let count = |outcome, number| {
            let labels = ByOutcome { source: source.to_owned(), outcome };
            self.events.get_or_create(&labels).inc_by(number);
        };
        for (request, verdict) in requests.iter().zip(verdicts) {
            match verdict {
                Verdict::Stored { repeated: true, .. } => count("repeated", request.event_count()),
                Verdict::Stored { accepted, duplicates, .. } => {
                    count("accepted", *accepted);
                    count("duplicate", *duplicates);
                }
                Verdict::OtherRequest => count("refused", request.event_count()),
                Verdict::Refused(refused) => {
                    count("refused", request.event_count());
                    for event in refused {
                        self.refused(source, &event.code);
                    }
                }
            }
        }
    }

    /// An attempt failed and is made again.
    pub fn retried(&self, source: &str) {
        self.retries.get_or_create(&BySource { source: source.to_owned() }).inc();
    }

    /// A request failed for good.
    pub fn failed(&self, source: &str) {
        self.failures.get_or_create(&BySource { source: source.to_owned() }).inc();
    }
}
