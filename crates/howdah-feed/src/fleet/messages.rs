//! The messages, field by field as in the brief, §3.1.

use crate::json::{Object, push_time};

use super::flight::Flight;
use super::ids::{Kind, id};
use super::operators::org_name;
use super::sample::{channels, decimal};

/// Room for a small message.
const BYTES: usize = 400;
/// Room for a sample.
const SAMPLE_BYTES: usize = 560;

/// The version of the models that are approved.
pub(super) const APPROVED: &str = "2.0.0";
/// A version that is not.
pub(super) const TRIAL: &str = "3.0.0-rc1";
/// How far the clock of a file is off, in ms.
pub(super) const CLOCK_OFFSET_MS: i64 = 3 * 3_600_000;

/// What every message of a flight begins with.
fn about(flight: &Flight, bytes: usize) -> Object {
    let mut json = Object::with_capacity(bytes);
    json.text("org", &org_name(flight.aircraft.org));
    json.text("session", &flight.session());
    json.text("aircraft", &flight.aircraft.name());
    json
}

/// A sample as it comes live.
pub(super) fn live(flight: &Flight, t_ms: i64, number: u64) -> String {
    let mut json = about(flight, SAMPLE_BYTES + 120);
    json.time("ts", flight.start_ms + t_ms);
    json.number("declared_hz", 1);
    channels(&mut json, flight, t_ms, number);
    json.finish()
}

/// A live sample of a key that is known, with another height.
pub(super) fn conflicting(flight: &Flight, t_ms: i64, number: u64) -> String {
    let text = live(flight, t_ms, number);
    text.replacen("\"alt_m\":", "\"alt_m\":1", 1)
}

/// A file: all its samples in one message.
pub(super) fn file(flight: &Flight, times: &[i64], offset_ms: i64) -> String {
    let mut json = about(flight, SAMPLE_BYTES * (times.len() + 1));
    json.number("declared_hz", flight.hz as u64);
    let mut samples = String::with_capacity(SAMPLE_BYTES * times.len());
    samples.push('[');
    for (number, t_ms) in times.iter().enumerate() {
        if number > 0 {
            samples.push(',');
        }
        let mut sample = Object::with_capacity(SAMPLE_BYTES);
        sample.time("ts", flight.start_ms + t_ms - offset_ms);
        channels(&mut sample, flight, *t_ms, number as u64);
        samples.push_str(&sample.finish());
    }
    samples.push(']');
    json.raw("samples", &samples);
    json.finish()
}

/// The file's identity.
pub(super) fn file_id(flight: &Flight) -> String {
    id(Kind::File, flight.start_ms, flight.number)
}

/// A step of an upload; `rest` writes what became of it.
pub(super) fn upload(
    flight: &Flight,
    phase: &str,
    ms: i64,
    rest: impl FnOnce(&mut Object),
) -> String {
    let mut json = Object::with_capacity(BYTES);
    json.text("org", &org_name(flight.aircraft.org));
    json.text("session", &flight.session());
    json.text("file_id", &file_id(flight));
    json.time("ts", ms);
    json.text("day", &day(ms));
    json.text("phase", phase);
    rest(&mut json);
    json.finish()
}

/// A step of the session's life; `rest` writes what this one has beside.
pub(super) fn session(
    flight: &Flight,
    kind: &str,
    ms: i64,
    rest: impl FnOnce(&mut Object),
) -> String {
    let mut json = about(flight, BYTES);
    json.time("ts", ms);
    json.text("kind", kind);
    json.text("day", &day(flight.start_ms));
    json.text("pilot", &flight.pilot);
    rest(&mut json);
    json.finish()
}

/// An event of the flight, `t_ms` after arming.
pub(super) fn event(flight: &Flight, kind: &str, t_ms: i64) -> String {
    let mut json = about(flight, BYTES);
    json.time("ts", flight.start_ms + t_ms);
    json.text("kind", kind);
    json.raw("detail", if kind == "takeoff" { "{\"home_alt_m\":41.0}" } else { "{}" });
    json.finish()
}

pub(super) fn warning(flight: &Flight, code: &str, phase: &str, t_ms: i64) -> String {
    let mut json = about(flight, BYTES);
    json.time("ts", flight.start_ms + t_ms);
    json.text("code", code);
    json.text("severity", "warning");
    json.text("phase", phase);
    json.text("text", "battery low");
    json.finish()
}

/// A run of a model.
pub(super) struct Run {
    pub(super) kind: Kind,
    pub(super) version: &'static str,
    pub(super) number: u64,
    pub(super) ms: i64,
}

impl Run {
    pub(super) fn id(&self, flight: &Flight) -> String {
        id(self.kind, self.ms, flight.number << 4 | self.number)
    }

    /// The result; `score` in ten-thousandths is of the model's type.
    pub(super) fn message(&self, flight: &Flight, score: i64) -> String {
        let mut json = about(flight, BYTES + 200);
        json.time("ts", self.ms);
        json.text("analysis_id", &self.id(flight));
        json.text(
            "model_type",
            match self.kind {
                Kind::TypeRun => "type_detection",
                Kind::AnomalyRun => "anomaly",
                _ => "risk",
            },
        );
        json.text("model_version", self.version);
        json.number("run_no", self.number);
        if self.version == TRIAL {
            json.flag("trial", true);
        }
        match self.kind {
            Kind::TypeRun => {
                let kind = flight.aircraft.kind().name();
                json.text("type", kind);
                json.raw("type_probs", &format!("{{\"{kind}\":0.8044,\"hybrid\":0.1956}}"));
            }
            Kind::AnomalyRun => decimal(&mut json, "anomaly_score", score, 4),
            _ => decimal(&mut json, "risk_score", score, 4),
        }
        decimal(&mut json, "confidence", 8_044, 4);
        json.number("processing_ms", 900 + flight.number % 1_300);
        json.finish()
    }
}

pub(super) fn anomaly(
    flight: &Flight,
    run: &Run,
    ordinal: u64,
    category: &str,
    severity: &str,
) -> String {
    let mut json = about(flight, BYTES);
    json.time("ts", flight.start_ms + flight.takeoff_ms + 10_000 + ordinal as i64 * 700);
    json.text("analysis_id", &run.id(flight));
    json.number("ordinal", ordinal);
    json.text("category", category);
    json.text("severity", severity);
    decimal(&mut json, "score", 9_300 - ordinal as i64 * 100, 4);
    json.text("message", "outside of what is usual");
    json.finish()
}

pub(super) fn exceedance(flight: &Flight, code: &str, from_to_ms: (i64, i64), peak: i64) -> String {
    let mut json = about(flight, BYTES);
    json.time("start", flight.start_ms + from_to_ms.0);
    json.time("end", flight.start_ms + from_to_ms.1);
    json.text("limit_code", code);
    decimal(&mut json, "peak", peak, 1);
    decimal(&mut json, "limit_value", 300, 1);
    json.finish()
}

pub(super) fn review(flight: &Flight, run: &Run, decision: &str, ms: i64) -> String {
    let mut json = Object::with_capacity(BYTES);
    json.text("org", &org_name(flight.aircraft.org));
    json.text("analysis_id", &run.id(flight));
    json.time("ts", ms);
    json.text("decision", decision);
    json.text("reviewer", &flight.pilot);
    json.finish()
}

/// A task that was done on the flight's aircraft.
pub(super) fn task_done(flight: &Flight, task: &str, ms: i64) -> String {
    let mut json = Object::with_capacity(BYTES);
    json.text("org", &org_name(flight.aircraft.org));
    json.text("event_id", &id(Kind::Maintenance, ms, flight.number));
    json.time("ts", ms);
    json.text("kind", "task_done");
    json.text("aircraft", &flight.aircraft.name());
    json.text("task", task);
    json.text("certifier", &flight.pilot);
    json.finish()
}

/// A call of a program of an organisation.
pub(super) fn request(org: u64, number: u64, ms: i64, took_ms: u64) -> String {
    let mut json = Object::with_capacity(BYTES);
    json.text("org", &org_name(org));
    json.text("request_id", &id(Kind::Request, ms, number));
    json.time("ts", ms);
    json.text("key_id", "k-1");
    json.text("endpoint", if number.is_multiple_of(4) { "/v2/analyze" } else { "/v2/sessions" });
    json.text("method", if number.is_multiple_of(4) { "POST" } else { "GET" });
    json.number("status", if number.is_multiple_of(50) { 503 } else { 200 });
    json.number("ms", took_ms);
    json.number("bytes_in", 180 + number % 900);
    json.number("bytes_out", 6_120);
    json.text("ip", "203.0.113.0/24");
    json.finish()
}

pub(super) fn login(org: u64, number: u64, ms: i64, fails: bool) -> String {
    let mut json = Object::with_capacity(BYTES);
    json.text("org", &org_name(org));
    json.text("event_id", &id(Kind::Login, ms, number));
    json.time("ts", ms);
    json.text("subject", "u-0");
    json.text("kind", if fails { "fail" } else { "login" });
    json.text("ip", "203.0.113.0/24");
    json.finish()
}

/// The day of a time, in UTC.
pub(super) fn day(ms: i64) -> String {
    let mut out = time(ms);
    out.truncate(10);
    out
}

/// RFC 3339, in UTC.
pub(super) fn time(ms: i64) -> String {
    let mut out = String::with_capacity(24);
    push_time(&mut out, ms);
    out
}
