//! The figures of a fleet computed from its messages alone, by other means than the system's: no
//! SQL, no code of howdah, one flight after the other.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Organisation and what is within it.
pub type Id = (String, String);

/// A sample as it was sent.
#[derive(Debug, Clone)]
pub struct Sample {
    pub ms: i64,
    pub seq: i64,
    pub hz: f64,
    pub value: Value,
}

impl Sample {
    /// A channel, as a `real` keeps it.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.value[name].as_f64().map(|value| f64::from(value as f32))
    }

    /// A channel to its last digit.
    fn exact(&self, name: &str) -> Option<f64> {
        self.value[name].as_f64()
    }

    pub fn array(&self, name: &str) -> Vec<f64> {
        let values = self.value[name].as_array();
        values.map_or_else(Vec::new, |array| {
            array.iter().map(|value| f64::from(value.as_f64().unwrap() as f32)).collect()
        })
    }

    /// The height, unless it cannot be.
    pub fn height(&self) -> Option<f64> {
        self.get("alt_m").filter(|alt| (-500.0..=20_000.0).contains(alt))
    }

    /// Degrees north and east, unless they cannot be.
    pub fn place(&self) -> Option<(f64, f64)> {
        let (lat, lon) = (self.exact("lat")?, self.exact("lon")?);
        (lat.abs() <= 90.0 && lon.abs() <= 180.0).then_some((lat, lon))
    }

    pub fn vibration(&self) -> Option<f64> {
        let [x, y, z] = ["vib_x", "vib_y", "vib_z"].map(|axis| self.get(axis));
        Some((x?.powi(2) + y?.powi(2) + z?.powi(2)).sqrt())
    }

    /// How many of its values cannot be.
    fn faults(&self) -> usize {
        let wrong = |name: &str, is: fn(f64) -> bool| self.exact(name).is_some_and(is);
        [
            wrong("lat", |lat| lat.abs() > 90.0),
            wrong("lon", |lon| lon.abs() > 180.0),
            wrong("alt_m", |alt| !(-500.0..=20_000.0).contains(&alt)),
            wrong("heading_deg", |heading| !(0.0..=360.0).contains(&heading)),
            wrong("batt_pct", |left| left < 0.0),
        ]
        .into_iter()
        .filter(|wrong| *wrong)
        .count()
    }
}

/// What is known of a session.
#[derive(Debug, Clone, Default)]
pub struct Session {
    pub aircraft: String,
    pub pilot: String,
    pub kinds: BTreeSet<String>,
    pub covers: Vec<(i64, i64)>,
    /// Time and kind of what the autopilot told.
    pub events: BTreeSet<(i64, String)>,
    pub live: Vec<Sample>,
    pub file: Vec<Sample>,
    /// Of the parsed file: rows that were good, refused, there already, backward.
    pub parsed: Option<[f64; 4]>,
}

/// A leg in the air, in ms.
#[derive(Debug, Clone, Copy)]
pub struct Leg {
    pub takeoff: i64,
    pub landing: i64,
}

impl Session {
    pub fn void(&self) -> bool {
        self.kinds.contains("void")
    }

    /// From each take-off to the landing behind it.
    pub fn legs(&self) -> Vec<Leg> {
        let mut up = None;
        let mut legs = Vec::new();
        for (ms, kind) in &self.events {
            match (kind.as_str(), up) {
                ("takeoff", None) => up = Some(*ms),
                ("land" | "crash", Some(takeoff)) => {
                    legs.push(Leg { takeoff, landing: *ms });
                    up = None;
                }
                _ => {}
            }
        }
        legs
    }

    pub fn airborne_ms(&self) -> i64 {
        self.legs().iter().map(|leg| leg.landing - leg.takeoff).sum()
    }

    fn block_ms(&self) -> i64 {
        let time = |kind: &str| self.events.iter().find(|(_, known)| known == kind);
        match (time("arm"), time("disarm")) {
            (Some((arm, _)), Some((disarm, _))) => disarm - arm,
            _ => 0,
        }
    }

    /// The samples that count: of the file, and live ones in minutes that it does not stand for.
    pub fn counted(&self) -> Vec<&Sample> {
        let covered = |ms: i64| self.covers.iter().any(|(from, to)| (*from..*to).contains(&ms));
        let live = self.live.iter().filter(|sample| !covered(sample.ms));
        let mut all: Vec<&Sample> = self.file.iter().chain(live).collect();
        all.sort_by_key(|sample| (sample.ms, sample.seq));
        all
    }

    /// The samples whose quality is told: of the file, or else live ones.
    pub fn record(&self) -> &[Sample] {
        if self.file.is_empty() { &self.live } else { &self.file }
    }
}

/// What a type must tell.
pub fn required(kind: &str) -> Vec<&'static str> {
    let common = ["alt_m", "groundspeed", "pitch", "roll", "motor_rpm", "batt_v", "gps_hdop"];
    let wings = ["airspeed", "throttle_pct", "elevator", "aileron", "rudder"];
    let shakes = ["vib_x", "vib_y", "vib_z"];
    let mut all = common.to_vec();
    match kind {
        "fixed_wing" => all.extend(wings),
        "vtol" | "hybrid" => {
            all.extend(wings);
            all.extend(shakes);
            all.push("mode");
        }
        _ => all.extend(shakes),
    }
    all
}

/// The quality of a record, §4.4.
pub fn quality(session: &Session, kind: &str, motors: usize) -> f64 {
    let record = session.record();
    let n = record.len() as f64;
    let hz = record[0].hz;
    let recorded = (record[record.len() - 1].ms - record[0].ms) as f64 / 1000.0;
    let duration = recorded.max(session.block_ms() as f64 / 1000.0);
    let expected = (duration * hz + 1e-9).floor() + 1.0;
    let excess: f64 = record
        .windows(2)
        .map(|pair| ((pair[1].ms - pair[0].ms) as f64 / 1000.0 - 2.0 / hz).max(0.0))
        .sum();
    let there = |sample: &Sample, name: &str| !sample.value[name].is_null();
    let fields = required(kind);
    let present: usize =
        record.iter().map(|sample| fields.iter().filter(|name| there(sample, name)).count()).sum();
    let beside = ["lat", "lon", "heading_deg", "batt_pct"];
    let more: usize =
        record.iter().map(|sample| beside.iter().filter(|name| there(sample, name)).count()).sum();
    let short = |sample: &&Sample| ![0, motors].contains(&sample.array("motor_rpm").len());
    let faults =
        record.iter().map(Sample::faults).sum::<usize>() + record.iter().filter(short).count();
    let time = match (session.file.is_empty(), session.parsed) {
        (false, Some([ok, refused, again, backward])) => {
            1.0 - (again + backward) / (ok + refused + again)
        }
        _ => 1.0,
    };
    let completeness = (n / expected).min(1.0);
    let gaps = if duration > 0.0 { 1.0 - (excess / duration).min(1.0) } else { 1.0 };
    let range = 1.0 - faults as f64 / (present + more) as f64;
    let whole = present as f64 / (n * fields.len() as f64);
    0.35 * completeness + 0.25 * gaps + 0.25 * range + 0.10 * whole + 0.05 * time
}

/// A percentile by linear interpolation between neighbours.
pub fn percentile(mut values: Vec<f64>, p: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let place = p * (values.len().checked_sub(1)? as f64);
    let (low, part) = (place.floor() as usize, place.fract());
    let high = values[(low + 1).min(values.len() - 1)];
    Some(values[low] + (high - values[low]) * part)
}

/// RMS of the vibration in each second, §4.5.
pub fn vibration_by_second(session: &Session) -> Vec<f64> {
    let mut seconds: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for sample in session.counted() {
        if let Some(vibration) = sample.vibration() {
            seconds.entry(sample.ms.div_euclid(1000)).or_default().push(vibration);
        }
    }
    let rms = |values: &Vec<f64>| {
        (values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64).sqrt()
    };
    seconds.values().map(rms).collect()
}

/// How far the means of the motors lie apart.
pub fn motor_spread(record: &[Sample], motors: usize) -> Option<f64> {
    let arrays: Vec<Vec<f64>> = record
        .iter()
        .map(|sample| sample.array("motor_rpm"))
        .filter(|array| array.len() == motors)
        .collect();
    if arrays.is_empty() {
        return None;
    }
    let mean =
        |motor: usize| arrays.iter().map(|array| array[motor]).sum::<f64>() / arrays.len() as f64;
    let means: Vec<f64> = (0..motors).map(mean).collect();
    let middle = means.iter().sum::<f64>() / motors as f64;
    let squares: f64 = means.iter().map(|mean| (mean - middle).powi(2)).sum();
    Some((squares / motors as f64).sqrt())
}

/// What a flight tells of its pack, §4.5.
#[derive(Debug, Clone, Copy)]
pub struct Pack {
    pub discharged_ah: f64,
    pub used_pct: f64,
    pub ohm: Option<f64>,
    pub sag_v: Option<f64>,
}

pub fn battery(record: &[Sample], cells: f64) -> Pack {
    let (mut amp_seconds, mut volts, mut amps) = (0.0, 0.0, 0.0);
    for pair in record.windows(2) {
        let seconds = ((pair[1].ms - pair[0].ms) as f64 / 1000.0).min(10.0);
        let [now, next] = [&pair[0], &pair[1]];
        if let (Some(a), Some(b)) = (now.get("batt_a"), next.get("batt_a")) {
            amp_seconds += f64::midpoint(a, b) * seconds;
            if (b - a).abs() > 5.0 {
                let drop = now.get("batt_v").unwrap() - next.get("batt_v").unwrap();
                volts += drop * (b - a).signum();
                amps += (b - a).abs();
            }
        }
    }
    let left = || record.iter().filter_map(|s| s.get("batt_pct")).filter(|left| *left >= 0.0);
    let most = left().fold(f64::MIN, f64::max);
    let least = left().fold(f64::MAX, f64::min);
    let of = |is: fn(f64) -> bool| {
        let chosen = record.iter().filter(move |s| s.get("batt_a").is_some_and(is));
        chosen.filter_map(|s| s.get("batt_v"))
    };
    let rest = of(|amps| amps < 1.0).fold(f64::MIN, f64::max);
    let loaded = of(|amps| amps >= 5.0).fold(f64::MAX, f64::min);
    Pack {
        discharged_ah: amp_seconds / 3600.0,
        used_pct: most - least,
        ohm: (amps > 0.0).then_some(volts / amps),
        sag_v: (rest > f64::MIN && loaded < f64::MAX).then_some((rest - loaded).max(0.0) / cells),
    }
}

/// A run of a model.
#[derive(Debug, Clone)]
pub struct Run {
    pub ms: i64,
    pub analysis: String,
    pub trial: bool,
    pub risk: f64,
}

/// All that was told, each event once, what cannot be stored left out.
#[derive(Debug, Default)]
pub struct Fleet {
    pub sessions: BTreeMap<Id, Session>,
    /// By session and model type.
    pub runs: BTreeMap<(Id, String), Vec<Run>>,
    /// Categories and how often they are critical, by session and analysis.
    pub anomalies: BTreeMap<(Id, String), BTreeMap<String, u64>>,
    /// Aircraft, task and when it was done.
    pub tasks: Vec<(Id, String, i64)>,
    /// Calls by organisation, in ms.
    pub calls: Vec<(String, f64)>,
    seen: BTreeSet<String>,
}

impl Fleet {
    /// Takes messages in the order in which they came.
    pub fn told<'a>(messages: impl Iterator<Item = (&'a str, &'a str)>, until_ms: i64) -> Self {
        let mut fleet = Self::default();
        for (stream, text) in messages {
            let Ok(message) = serde_json::from_str::<Value>(text) else { continue };
            if !text_of(&message, "org").starts_with("org-") {
                continue;
            }
            fleet.take(stream, &message, until_ms);
        }
        for session in fleet.sessions.values_mut() {
            session.live.sort_by_key(|sample| (sample.ms, sample.seq));
            session.file.sort_by_key(|sample| (sample.ms, sample.seq));
        }
        fleet
    }

    /// Whether this is the first event of that name.
    fn is_new(&mut self, key: String) -> bool {
        self.seen.insert(key)
    }

    fn take(&mut self, stream: &str, message: &Value, until_ms: i64) {
        let org = text_of(message, "org");
        let id = (org.clone(), text_of(message, "session"));
        match stream {
            "telemetry" => {
                let sample = sample(message, message);
                let known = message["seq"].as_i64().is_some_and(|seq| seq >= 0);
                if !known || sample.ms > until_ms + 300_000 {
                    return;
                }
                if self.is_new(format!("live {org} {} {} {}", id.1, sample.ms, sample.seq)) {
                    self.sessions.entry(id).or_default().live.push(sample);
                }
            }
            "telemetry_files" => self.file(&id, message),
            "session_event" => self.step(&id, message),
            "flight_event" => {
                let event = (ms_of(message, "ts"), text_of(message, "kind"));
                self.sessions.entry(id).or_default().events.insert(event);
            }
            "upload_event" if message["phase"] == "parsed" => {
                let rows = ["rows_ok", "rows_rejected", "rows_repeated", "rows_backward"]
                    .map(|name| message[name].as_f64().unwrap_or(0.0));
                self.sessions.entry(id).or_default().parsed = Some(rows);
            }
            "analysis_result" => self.run(&id, message),
            "anomaly" => {
                let analysis = text_of(message, "analysis_id");
                if self.is_new(format!("anomaly {org} {analysis} {}", message["ordinal"])) {
                    let found = self.anomalies.entry((id, analysis)).or_default();
                    *found.entry(text_of(message, "category")).or_default() +=
                        u64::from(message["severity"] == "critical");
                }
            }
            "maintenance_event" if self.is_new(format!("task {org} {}", message["event_id"])) => {
                let craft = (org, text_of(message, "aircraft"));
                self.tasks.push((craft, text_of(message, "task"), ms_of(message, "ts")));
            }
            "api_request" if self.is_new(format!("call {org} {}", message["request_id"])) => {
                self.calls.push((org, message["ms"].as_f64().unwrap()));
            }
            _ => {}
        }
    }

    fn file(&mut self, id: &Id, message: &Value) {
        let born = i64::from_str_radix(&id.1.replace('-', "")[..12], 16).unwrap();
        let samples = message["samples"].as_array().unwrap();
        let samples: Vec<Sample> = samples.iter().map(|leg| sample(message, leg)).collect();
        // A clock that is hours off: nothing of it is kept.
        if samples.iter().any(|sample| sample.ms < born - 3_600_000) {
            return;
        }
        for sample in samples {
            if self.is_new(format!("file {} {} {} {}", id.0, id.1, sample.ms, sample.seq)) {
                self.sessions.entry(id.clone()).or_default().file.push(sample);
            }
        }
    }

    fn step(&mut self, id: &Id, message: &Value) {
        let kind = text_of(message, "kind");
        // The aircraft that is grounded from the beginning starts no flight.
        if kind == "live" && text_of(message, "aircraft") == "F000-40" {
            return;
        }
        let session = self.sessions.entry(id.clone()).or_default();
        session.aircraft = text_of(message, "aircraft");
        session.pilot = text_of(message, "pilot");
        if kind == "replaced" {
            let cover = (ms_of(message, "covers_from"), ms_of(message, "covers_to"));
            if !session.covers.contains(&cover) {
                session.covers.push(cover);
            }
        }
        session.kinds.insert(kind);
    }

    fn run(&mut self, id: &Id, message: &Value) {
        let model = text_of(message, "model_type");
        let name =
            format!("run {} {model} {} {}", id.1, message["model_version"], message["run_no"]);
        if self.is_new(name) {
            self.runs.entry((id.clone(), model)).or_default().push(Run {
                ms: ms_of(message, "ts"),
                analysis: text_of(message, "analysis_id"),
                trial: message["trial"] == true,
                risk: message["risk_score"].as_f64().unwrap_or(0.0),
            });
        }
    }

    /// The run that counts.
    pub fn current(&self, id: &Id, model: &str) -> Option<&Run> {
        let runs = self.runs.get(&(id.clone(), model.to_owned()))?;
        runs.iter().filter(|run| !run.trial).max_by_key(|run| run.ms)
    }

    /// Sessions that stand and whose aircraft is known, by their aircraft.
    pub fn of_aircraft(&self) -> BTreeMap<Id, Vec<(&Id, &Session)>> {
        let mut out: BTreeMap<Id, Vec<(&Id, &Session)>> = BTreeMap::new();
        for (id, session) in &self.sessions {
            if !session.void() && !session.aircraft.is_empty() {
                let craft = (id.0.clone(), session.aircraft.clone());
                out.entry(craft).or_default().push((id, session));
            }
        }
        out
    }

    /// Categories of the run that counts, each once.
    pub fn categories(&self, id: &Id) -> Vec<String> {
        let Some(run) = self.current(id, "anomaly") else { return Vec::new() };
        let found = self.anomalies.get(&(id.clone(), run.analysis.clone()));
        found.map_or_else(Vec::new, |found| found.keys().cloned().collect())
    }
}

fn sample(message: &Value, leg: &Value) -> Sample {
    Sample {
        ms: ms_of(leg, "ts"),
        seq: leg["seq"].as_i64().unwrap_or(-1),
        hz: message["declared_hz"].as_f64().unwrap_or(1.0),
        value: leg.clone(),
    }
}

pub fn text_of(message: &Value, name: &str) -> String {
    message[name].as_str().unwrap_or_default().to_owned()
}

/// RFC 3339 in UTC with milliseconds, as milliseconds since 1970.
pub fn ms_of(message: &Value, name: &str) -> i64 {
    let text = message[name].as_str().unwrap_or("1970-01-01T00:00:00.000Z");
    let number = |from: usize, to: usize| text[from..to].parse::<i64>().unwrap();
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    // Days since 1970 of a civil date: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let seconds = number(11, 13) * 3600 + number(14, 16) * 60 + number(17, 19);
    (days * 86_400 + seconds) * 1000 + number(20, 23)
}
