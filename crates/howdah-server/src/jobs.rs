//! The jobs of the upkeep that runs beside the server: what they did so far, for metrics.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

/// The jobs by name; clones look at the same ones.
#[derive(Debug, Clone, Default)]
pub struct Jobs(Arc<Mutex<BTreeMap<&'static str, Figures>>>);

/// What is known of a job.
#[derive(Debug, Clone, Copy, Default)]
struct Figures {
    steps: u64,
    failures: u64,
    backlog: i64,
    waits: bool,
    warnings: usize,
    last_run: f64,
}

/// What came of one step of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It failed.
    Failed,
    /// It did something, or found nothing to do.
    Done {
        /// Whether it did something.
        did: bool,
        /// What is left to do.
        backlog: i64,
        /// Whether it waits for somebody.
        waits: bool,
        /// How many things somebody should look at.
        warnings: usize,
    },
}

impl Jobs {
    /// A job has come to the end of a step.
    pub fn tell(&self, job: &'static str, outcome: Outcome) {
        let mut jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let figures = jobs.entry(job).or_default();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        figures.last_run = now.as_secs_f64();
        match outcome {
            Outcome::Failed => figures.failures += 1,
            Outcome::Done { did, backlog, waits, warnings } => {
                figures.steps += u64::from(did);
                (figures.backlog, figures.waits, figures.warnings) = (backlog, waits, warnings);
            }
        }
    }
}

/// One family: name, help, unit, whether it only grows, and its value.
type Family = (&'static str, &'static str, Option<Unit>, bool, fn(&Figures) -> f64);

const FAMILIES: [Family; 6] = [
    ("steps", "Steps in which a job of the upkeep did something", None, true, |f| f.steps as f64),
    ("failures", "Steps of a job of the upkeep that failed", None, true, |f| f.failures as f64),
    ("backlog", "What a job of the upkeep has left to do", None, false, |f| f.backlog as f64),
    ("waiting", "Whether a job of the upkeep waits for somebody", None, false, |f| {
        f64::from(u8::from(f.waits))
    }),
    ("warnings", "What somebody should look at", None, false, |f| f.warnings as f64),
    ("last_run_timestamp", "When the job's last step ended", Some(Unit::Seconds), false, |f| {
        f.last_run
    }),
];

impl Collector for Jobs {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if jobs.is_empty() {
            return Ok(());
        }
        for (name, help, unit, grows, value) in &FAMILIES {
            let kind = if *grows { MetricType::Counter } else { MetricType::Gauge };
            let name = format!("upkeep_{name}");
            let mut family = encoder.encode_descriptor(&name, help, unit.as_ref(), kind)?;
            for (job, figures) in &jobs {
                let labels = [("job", *job)];
                let encoder = family.encode_family(&labels)?;
                if *grows {
                    ConstCounter::new(value(figures) as u64).encode(encoder)?;
                } else {
                    ConstGauge::new(value(figures)).encode(encoder)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::*;

    #[test]
    fn steps_are_counted_by_job() {
        let jobs = Jobs::default();
        let done = |did| Outcome::Done { did, backlog: 3, waits: true, warnings: 0 };
        jobs.tell("fold", done(true));
        jobs.tell("fold", done(false));
        jobs.tell("fold", Outcome::Failed);
        let mut registry = Registry::with_prefix("howdah");
        registry.register_collector(Box::new(jobs));
        let mut text = String::new();
        assert!(encode(&mut text, &registry).is_ok());
        for line in [
            "howdah_upkeep_steps_total{job=\"fold\"} 1",
            "howdah_upkeep_failures_total{job=\"fold\"} 1",
            "howdah_upkeep_backlog{job=\"fold\"} 3.0",
            "howdah_upkeep_waiting{job=\"fold\"} 1.0",
        ] {
            assert!(text.lines().any(|known| known == line), "{line}\n{text}");
        }
    }
}
