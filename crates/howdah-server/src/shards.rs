//! The shards that run beside the server: what they have done so far, for metrics and readiness.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use howdah_stream::Progress;
use howdah_stream::progress::{Away, BOUNDS_MS, Histogram, Ownership};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use serde::Serialize;
use tokio::sync::watch;

/// The shards that run; clones look at the same ones.
#[derive(Debug, Clone, Default)]
pub struct Shards(Arc<Mutex<Vec<watch::Receiver<Progress>>>>);

/// How a shard is, for readiness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShardState {
    /// The source.
    source: String,
    /// The shard.
    shard: String,
    /// `unknown`, `owner`, `standby`, `failed` or `ended`.
    state: &'static str,
    /// `database` or `source`: what it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_for: Option<&'static str>,
}

impl ShardState {
    /// Whether it is known who moves the shard.
    pub fn is_known(&self) -> bool {
        self.state != state(&Ownership::Unknown)
    }
}

impl Shards {
    /// Looks at one more shard.
    pub fn add(&self, progress: watch::Receiver<Progress>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(progress);
    }

    fn all(&self) -> Vec<Progress> {
        let shards = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shards.iter().map(|progress| progress.borrow().clone()).collect()
    }

    /// How each shard is.
    pub fn states(&self) -> Vec<ShardState> {
        let state_of = |progress: Progress| ShardState {
            state: state(&progress.ownership),
            waits_for: progress.waiting.map(|(what, _)| waits_for(what)),
            source: progress.shard.source,
            shard: progress.shard.shard,
        };
        self.all().into_iter().map(state_of).collect()
    }
}

fn state(ownership: &Ownership) -> &'static str {
    match ownership {
        Ownership::Unknown => "unknown",
        Ownership::Owner { .. } => "owner",
        Ownership::Standby { .. } => "standby",
        Ownership::Failed => "failed",
        Ownership::Ended => "ended",
    }
}

fn waits_for(what: Away) -> &'static str {
    match what {
        Away::Database => "database",
        Away::Source => "source",
    }
}

/// One family: name, help, unit, and what a shard says, if anything.
type Family<T> = (&'static str, &'static str, Option<Unit>, fn(&Progress) -> Option<T>);

/// What only grows.
const COUNTERS: [Family<u64>; 8] = [
    ("events", "Events committed", None, |p| Some(p.events)),
    ("rows", "Events that were new", None, |p| Some(p.rows)),
    ("duplicates", "Events whose key was there already", None, |p| Some(p.duplicates)),
    ("dead_letters", "Events that became dead letters", None, |p| Some(p.dead_letters)),
    ("batches", "Transactions committed", None, |p| Some(p.batches)),
    ("retries", "Attempts that failed because something was away", None, |p| Some(p.retries)),
    ("handovers", "Changes of the shard's owner", None, |p| Some(p.handovers)),
    ("lost_entries", "Entries the source lost unread, at least", None, |p| Some(p.lost)),
];

/// What goes up and down.
const GAUGES: [Family<f64>; 7] = [
    ("queue_depth", "Entries read and not committed", None, |p| Some(p.queued as f64)),
    ("behind_entries", "Entries of the source not read yet", None, |p| {
        p.behind.map(|entries| entries as f64)
    }),
    ("owned", "Whether this process moves the shard", None, |p| {
        Some(f64::from(u8::from(matches!(p.ownership, Ownership::Owner { .. }))))
    }),
    ("waiting", "Whether it waits for the database or the source", None, |p| {
        Some(f64::from(u8::from(p.waiting.is_some())))
    }),
    ("last_commit_timestamp", "When the last commit was done", Some(Unit::Seconds), |p| {
        let since = p.last_commit_at?.duration_since(UNIX_EPOCH).ok()?;
        Some(since.as_secs_f64())
    }),
    ("last_batch_events", "Events of the last transaction", None, |p| {
        Some(p.last_batch.events as f64)
    }),
    ("last_batch_duration", "How long the last transaction took", Some(Unit::Seconds), |p| {
        Some(p.last_batch.took.as_secs_f64())
    }),
];

/// Durations by size.
const HISTOGRAMS: [Family<Histogram>; 2] = [
    (
        "commit_duration",
        "From the first attempt of a batch to its commit",
        Some(Unit::Seconds),
        |p| Some(p.commits),
    ),
    ("latency", "From the moment in an entry's id to its commit", Some(Unit::Seconds), |p| {
        Some(p.latency)
    }),
];

impl Collector for Shards {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let shards = self.all();
        for family in &COUNTERS {
            each(&mut encoder, &shards, family, MetricType::Counter, counter)?;
        }
        for family in &GAUGES {
            each(&mut encoder, &shards, family, MetricType::Gauge, gauge)?;
        }
        for family in &HISTOGRAMS {
            each(&mut encoder, &shards, family, MetricType::Histogram, histogram)?;
        }
        phases(&mut encoder, &shards)
    }
}

type MetricEncoder<'a> = prometheus_client::encoding::MetricEncoder<'a>;

/// Writes a family with a value for each shard that has one.
fn each<T>(
    encoder: &mut DescriptorEncoder<'_>,
    shards: &[Progress],
    (name, help, unit, value): &Family<T>,
    kind: MetricType,
    write: impl Fn(T, MetricEncoder<'_>) -> fmt::Result,
) -> fmt::Result {
    let values: Vec<_> = shards.iter().filter_map(|p| value(p).map(|value| (p, value))).collect();
    if values.is_empty() {
        return Ok(());
    }
    let name = format!("shard_{name}");
    let mut family = encoder.encode_descriptor(&name, help, unit.as_ref(), kind)?;
    for (progress, value) in values {
        let labels =
            [("source", progress.shard.source.as_str()), ("shard", progress.shard.shard.as_str())];
        write(value, family.encode_family(&labels)?)?;
    }
    Ok(())
}

fn counter(value: u64, encoder: MetricEncoder<'_>) -> fmt::Result {
    ConstCounter::new(value).encode(encoder)
}

fn gauge(value: f64, encoder: MetricEncoder<'_>) -> fmt::Result {
    ConstGauge::new(value).encode(encoder)
}

fn histogram(value: Histogram, mut encoder: MetricEncoder<'_>) -> fmt::Result {
    let bounds = BOUNDS_MS.iter().map(|ms| *ms as f64 / 1000.0).chain([f64::INFINITY]);
    let buckets: Vec<(f64, u64)> = bounds.zip(value.counts).collect();
    let sum = value.sum_ms as f64 / 1000.0;
    encoder.encode_histogram::<NoLabelSet>(sum, value.count(), &buckets, None)
}

/// Where the time of the transactions went.
fn phases(encoder: &mut DescriptorEncoder<'_>, shards: &[Progress]) -> fmt::Result {
    if shards.is_empty() {
        return Ok(());
    }
    let help = "Where the time of transactions went";
    let (name, unit) = ("shard_phase", Some(&Unit::Seconds));
    let mut family = encoder.encode_descriptor(name, help, unit, MetricType::Counter)?;
    for progress in shards {
        for (phase, took) in progress.phases.named() {
            let labels = [
                ("source", progress.shard.source.as_str()),
                ("shard", progress.shard.shard.as_str()),
                ("phase", phase),
            ];
            ConstCounter::new(took.as_secs_f64()).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use howdah_stream::{Reporter, ShardId};
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::*;

    #[test]
    fn a_shard_that_has_done_nothing_is_there_and_unknown() {
        let shards = Shards::default();
        let shard = ShardId { source: "a\"b".to_owned(), shard: "key".to_owned() };
        let (_reporter, progress) = Reporter::new(shard);
        shards.add(progress);
        assert!(shards.states().iter().all(|state| !state.is_known()));
        let mut registry = Registry::with_prefix("howdah");
        registry.register_collector(Box::new(shards));
        let mut text = String::new();
        assert!(encode(&mut text, &registry).is_ok());
        for line in [
            "# TYPE howdah_shard_commit_duration_seconds histogram",
            "howdah_shard_latency_seconds_bucket{le=\"+Inf\",source=\"a\\\"b\",shard=\"key\"} 0",
            "howdah_shard_events_total{source=\"a\\\"b\",shard=\"key\"} 0",
            "howdah_shard_owned{source=\"a\\\"b\",shard=\"key\"} 0.0",
            "# TYPE howdah_shard_phase_seconds counter",
        ] {
            assert!(text.lines().any(|known| known == line), "{line}\n{text}");
        }
        assert!(!text.contains("howdah_shard_last_commit_timestamp"));
    }
}
