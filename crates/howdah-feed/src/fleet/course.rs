//! From flights to what arrives: what is live first, files after hours, some twice, some broken.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::arrival::Held;
use crate::dice::{Dice, hashed};
use crate::expected::{Broken, Claim, Expected};
use crate::json::push_decimal;
use crate::{Event, Options};

use super::flight::{FileFate, Flight, TOUCH_MS};
use super::ids::Kind;
use super::messages::{
    APPROVED, CLOCK_OFFSET_MS, Run, TRIAL, anomaly, conflicting, event, exceedance, file, live,
    login, request, review, session, task_done, time, upload, warning,
};
use super::operators::{Aircraft, GROUNDED, Operators, Type};

/// The most messages that a flight makes, with room to spare.
const MOST: u64 = 700;
/// What a flight makes on average: how far apart flights begin.
const MEAN: u64 = 70;
/// An aircraft stands so long between two flights.
const TURNAROUND_MS: i64 = 120_000;
/// Flights end so long before the feed does.
const TAIL_MS: i64 = 20 * 60_000;
/// Far enough that a feed kept in a file stays in the future.
const FAR_MS: i64 = 10 * 366 * 24 * 3_600_000;
/// Whatever was sent before has arrived after this time.
const CERTAINLY_MS: i64 = 2 * 3_600_000;
/// What a model calls critical.
const CRITICAL: i64 = 9_000;
const HIGH: i64 = 7_000;

/// The messages of a feed in the order of their arrival.
#[derive(Debug)]
pub(crate) struct Course {
    options: Options,
    dice: Dice,
    operators: Operators,
    made: u64,
    flights: u64,
    now_ms: i64,
    free_ms: BTreeMap<Aircraft, i64>,
    held: BinaryHeap<Reverse<Held>>,
    expected: Expected,
    sums: Sums,
    done: bool,
    /// The flights, when they are asked for.
    log: Option<Vec<Flight>>,
    grounded_told: bool,
}

/// What the store must say in the end.
#[derive(Debug, Default)]
struct Sums {
    samples: u64,
    airborne_ms: i64,
    cycles: u64,
    flights: u64,
    voided: u64,
    assessed: u64,
    risk: i64,
    high: u64,
    calls: u64,
}

impl Course {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            options: options.clone(),
            dice: Dice::new(options.seed, 9),
            operators: Operators::new(options.tenants),
            made: 0,
            flights: 0,
            now_ms: options.until_ms - options.span_ms,
            free_ms: BTreeMap::new(),
            held: BinaryHeap::new(),
            expected: Expected::default(),
            sums: Sums::default(),
            done: false,
            log: None,
            grounded_told: false,
        }
    }

    pub(crate) fn expected(&self) -> &Expected {
        &self.expected
    }

    /// Flies all of it; gives the flights.
    pub(super) fn flown(mut self) -> Vec<Flight> {
        self.log = Some(Vec::new());
        while self.next().is_some() {}
        self.log.unwrap_or_default()
    }

    fn room(&self) -> u64 {
        self.options.events.saturating_sub(self.made)
    }

    /// When the flight after `made` messages begins.
    fn due_ms(&self) -> i64 {
        let (from, span) = (self.options.until_ms - self.options.span_ms, self.options.span_ms);
        let usable = (span - TAIL_MS).max(span / 2).unsigned_abs();
        let done = u128::from(self.made) * u128::from(usable);
        from + (done / u128::from(self.options.events.max(1))) as i64
    }

    fn make(&mut self) {
        self.now_ms = self.now_ms.max(self.due_ms());
        if self.room() <= MOST {
            return self.ring();
        }
        let broken = self.options.broken_per_million.saturating_mul(MEAN as u32);
        if self.dice.per_million(broken) {
            self.broken();
        }
        let Some(aircraft) = self.aircraft() else { return self.ring() };
        let flight = Flight::new(self.flights, aircraft, self.now_ms, &mut self.dice);
        self.flights += 1;
        self.free_ms.insert(aircraft, flight.start_ms + flight.disarm_ms + TURNAROUND_MS);
        self.fly(&flight);
        if let Some(log) = &mut self.log {
            log.push(flight);
        }
    }

    /// One that stands ready; `None` when all that were asked are in the air.
    fn aircraft(&mut self) -> Option<Aircraft> {
        for _ in 0..20 {
            let aircraft = self.operators.next(&mut self.dice);
            if self.free_ms.get(&aircraft).is_none_or(|free| *free <= self.now_ms) {
                return Some(aircraft);
            }
        }
        None
    }

    fn fly(&mut self, flight: &Flight) {
        let start = flight.start_ms;
        self.put("session_event", start, session(flight, "planned", start, |_| {}));
        self.events_of(flight);
        if flight.has_live {
            self.put("session_event", start, session(flight, "live", start + 500, |_| {}));
            self.live_of(flight);
        }
        let landed = start + flight.landing_ms;
        self.put("session_event", landed, session(flight, "landed", landed, |_| {}));
        let uploaded = self.file_of(flight);
        if let Some(uploaded) = uploaded {
            self.analyses_of(flight, uploaded);
        }
        if flight.number % 50 == 7 {
            let ms = landed + 60_000;
            self.put("maintenance_event", ms, task_done(flight, "INSP-50H", ms));
        }
        for _ in 0..3 {
            self.call(flight.aircraft.org, landed);
        }
        if flight.number.is_multiple_of(9) {
            let fails = flight.number.is_multiple_of(27);
            let json = login(flight.aircraft.org, flight.number, start - 60_000, fails);
            self.put("auth_event", start, json);
        }
        if flight.wrong_aircraft {
            self.sums.voided += 1;
            let ms = self.until(landed + 600_000);
            let json = session(flight, "void", ms, |json| {
                json.text("reason", "wrong aircraft");
                json.text("author", &flight.pilot);
            });
            self.put("session_event", ms, json);
        } else {
            let (airborne_ms, cycles) = flight.airborne();
            self.sums.airborne_ms += airborne_ms;
            self.sums.cycles += cycles;
            self.sums.flights += 1;
        }
    }

    /// Not after the end of the feed.
    fn until(&self, ms: i64) -> i64 {
        ms.min(self.options.until_ms)
    }

    fn events_of(&mut self, flight: &Flight) {
        let put = |course: &mut Self, kind: &str, t_ms: i64| {
            let arrives = flight.start_ms + t_ms;
            course.put("flight_event", arrives, event(flight, kind, t_ms));
        };
        put(self, "arm", 0);
        put(self, "takeoff", flight.takeoff_ms);
        if flight.aircraft.kind() == Type::Vtol {
            put(self, "transition", 20_000);
        }
        if let Some(touch) = flight.touch_ms {
            put(self, "land", touch);
            put(self, "takeoff", touch + TOUCH_MS);
        }
        put(self, "land", flight.landing_ms);
        put(self, "disarm", flight.disarm_ms);
        if flight.number % 8 == 3 {
            for (phase, t_ms) in [("raise", 30_000), ("clear", 40_000)] {
                let arrives = flight.start_ms + t_ms;
                let json = warning(flight, "BATT_LOW", phase, t_ms);
                self.put("system_warning", arrives, json);
            }
        }
    }

    fn live_of(&mut self, flight: &Flight) {
        for (number, t_ms) in flight.live_times().into_iter().enumerate() {
            let arrives = flight.start_ms + t_ms + 200;
            self.sums.samples += 1;
            self.put("telemetry", arrives, live(flight, t_ms, number as u64));
        }
        // A key that is known with other content, and certainly later.
        let often = self.options.broken_per_million.saturating_mul(MEAN as u32);
        if self.dice.per_million(often) && !flight.live_times().is_empty() {
            let t_ms = flight.live_times()[0];
            let json = conflicting(flight, t_ms, 0);
            self.refuse("telemetry", flight.start_ms + CERTAINLY_MS, json, Broken::Conflict);
        }
    }

    /// The file, if there is one; when it was stored.
    fn file_of(&mut self, flight: &Flight) -> Option<i64> {
        if flight.file == FileFate::None {
            return None;
        }
        let hours = match self.dice.below(100) {
            0..70 => (self.dice.below(7_200_000), 0),
            70..95 => (self.dice.below(3 * 86_400_000), 2),
            _ => (self.dice.below(30 * 86_400_000), 72),
        };
        let landed = flight.start_ms + flight.landing_ms;
        let ms = self.until(landed + 60_000 + hours.1 * 3_600_000 + hours.0 as i64);
        let received = upload(flight, "received", ms, |json| json.number("bytes", 180_000));
        let twice = self.dice.below(100) < 5;
        self.put_perhaps_twice("upload_event", ms, received, twice);
        let times = flight.file_times();
        if flight.file == FileFate::ClockShifted {
            let json = file(flight, &times, CLOCK_OFFSET_MS);
            self.refuse("telemetry_files", ms + 400, json, Broken::ClockShift);
            let json = upload(flight, "rejected", self.until(ms + 500), |json| {
                json.raw("reasons", "{\"clock_offset_s\":10800}");
            });
            self.put("upload_event", ms + 500, json);
            return None;
        }
        self.sums.samples += times.len() as u64;
        self.put_perhaps_twice("telemetry_files", ms + 400, file(flight, &times, 0), twice);
        let parsed = upload(flight, "parsed", self.until(ms + 500), |json| {
            json.number("rows_ok", times.len() as u64);
            json.number("rows_rejected", flight.number % 3);
            json.number("rows_backward", flight.number % 2);
        });
        self.put_perhaps_twice("upload_event", ms + 500, parsed, twice);
        if flight.has_live {
            let minute = |ms: i64| ms / 60_000 * 60_000;
            let from = minute(flight.start_ms);
            let last = times.last().copied().unwrap_or(0);
            let to = minute(flight.start_ms + last) + 60_000;
            let json = session(flight, "replaced", self.until(ms + 600), |json| {
                json.text("covers_from", &time(from));
                json.text("covers_to", &time(to));
            });
            self.put("session_event", ms + 600, json);
        }
        let at = self.until(ms + 700);
        self.put("session_event", ms + 700, session(flight, "uploaded", at, |_| {}));
        Some(ms)
    }

    fn analyses_of(&mut self, flight: &Flight, uploaded: i64) {
        let until_ms = self.options.until_ms;
        let run = |kind: Kind, version, number, after: i64| Run {
            kind,
            version,
            number,
            ms: until_ms.min(uploaded + after),
        };
        let detected = run(Kind::TypeRun, APPROVED, 1, 30_000);
        self.put("analysis_result", uploaded + 30_000, detected.message(flight, 0));
        self.anomalies_of(flight, uploaded, &run(Kind::AnomalyRun, APPROVED, 1, 31_000));
        let risk = run(Kind::RiskRun, APPROVED, 1, 32_000);
        self.put("analysis_result", uploaded + 32_000, risk.message(flight, flight.risk));
        let analysed = session(flight, "analysed", self.until(uploaded + 33_000), |_| {});
        self.put("session_event", uploaded + 33_000, analysed);
        let mut counts = flight.risk;
        let again = run(Kind::RiskRun, APPROVED, 2, 45_000);
        // At the end of the feed both runs would have one time.
        if flight.rerun && again.ms > risk.ms {
            counts = (flight.risk + 500).min(CRITICAL);
            self.put("analysis_result", uploaded + 45_000, again.message(flight, counts));
        }
        // A worker that was killed and does it again, an instant earlier by its own clock.
        let often = self.options.broken_per_million.saturating_mul(MEAN as u32);
        if self.dice.per_million(often) {
            let repeat = Run { ms: risk.ms - 1, ..risk };
            let json = repeat.message(flight, flight.risk);
            self.refuse("analysis_result", uploaded + CERTAINLY_MS, json, Broken::Retried);
        }
        if flight.number % 100 == 13 {
            let trial = run(Kind::Trial, TRIAL, 1, 50_000);
            self.put("analysis_result", uploaded + 50_000, trial.message(flight, 9_999));
        }
        if !flight.wrong_aircraft {
            self.sums.assessed += 1;
            self.sums.risk += counts;
            self.sums.high += u64::from(counts > HIGH);
        }
    }

    fn anomalies_of(&mut self, flight: &Flight, uploaded: i64, run: &Run) {
        let found = flight.number % 3;
        let json = run.message(flight, 1_000 + found as i64 * 3_000);
        self.put("analysis_result", uploaded + 31_000, json);
        for ordinal in 1..=found * 2 {
            let category = ["motor", "battery", "vibration", "gps"]
                [hashed(flight.number << 4 | ordinal, 4) as usize];
            let severity = if ordinal == 1 { "critical" } else { "warning" };
            let json = anomaly(flight, run, ordinal, category, severity);
            self.put("anomaly", uploaded + 31_500, json);
        }
        if flight.number.is_multiple_of(40) && flight.landing_ms > 50_000 {
            let json = exceedance(flight, "BANK_MAX", (40_000, 46_000), 400);
            self.put("exceedance", uploaded + 60_000, json);
        }
        if flight.number % 12 == 1 {
            let decision = ["confirmed", "false_alarm", "unclear"][(flight.number % 3) as usize];
            let json = review(flight, run, decision, self.until(uploaded + 600_000));
            self.put("review_event", uploaded + 600_000, json);
        }
    }

    /// A program's call.
    fn call(&mut self, org: u64, ms: i64) {
        let number = self.made;
        // Most take some hundred milliseconds, few take seconds.
        let took = (30 + self.dice.below(300)) << self.dice.heads().min(5);
        self.sums.calls += 1;
        let ms = self.until(ms);
        self.put("api_request", ms, request(org, number, ms, took));
    }

    /// Where there is no room for a flight: a call.
    fn ring(&mut self) {
        let (org, ms) = (self.dice.below(2), self.now_ms);
        self.call(org, ms);
    }

    fn broken(&mut self) {
        let ms = self.now_ms;
        let one = Aircraft { org: 0, index: 0 };
        let flight =
            Flight::new(0, one, self.options.until_ms - self.options.span_ms, &mut self.dice);
        let sample = live(&flight, 70_000, 1_000_000 + self.made);
        let (json, kind) = match self.dice.below(5) {
            0 => (sample[..sample.len() / 2].to_owned(), Broken::Malformed),
            1 => {
                let mut far = flight.clone();
                far.start_ms = self.options.until_ms + FAR_MS;
                (live(&far, 0, 1), Broken::FarFuture)
            }
            2 => (sample.replacen("\"org\":\"org-", "\"org\":\"bad-", 1), Broken::UnknownTenant),
            3 => (sample.replacen("\"seq\":", "\"sequence\":", 1), Broken::MissingKey),
            _ => (sample.replacen("\"seq\":", "\"seq\":-", 1), Broken::NegativeSize),
        };
        self.refuse("telemetry", ms, json, kind);
    }

    /// A start of the aircraft that is grounded; it comes once.
    fn grounded(&mut self) {
        self.grounded_told = true;
        let start = self.options.until_ms - self.options.span_ms;
        let flight = grounded_flight(start, &mut self.dice);
        let json = session(&flight, "live", start + 1_000, |_| {});
        self.refuse("session_event", start + 1_000, json, Broken::Grounded);
    }

    fn put(&mut self, stream: &'static str, ms: i64, json: String) {
        self.put_perhaps_twice(stream, ms, json, false);
    }

    fn put_perhaps_twice(&mut self, stream: &'static str, ms: i64, json: String, twice: bool) {
        let usual = self.dice.per_million(self.options.duplicates_per_million);
        if twice || usual && self.room() > MOST && stream != "telemetry_files" {
            self.expected.count_duplicate(stream);
            let later = 1 + self.dice.below(60_000) as i64;
            self.hold(stream, ms + later, json.clone());
        }
        let mut arrives = ms;
        if self.dice.per_million(self.options.late_per_million) {
            self.expected.count_late();
            arrives += 60_000 + self.dice.below(3_600_000) as i64;
        } else if self.dice.per_million(self.options.disorder_per_million) {
            self.expected.count_out_of_order();
            arrives += self.dice.below(5_000) as i64;
        }
        self.expected.count_row(stream);
        self.hold(stream, arrives, json);
    }

    fn refuse(&mut self, stream: &'static str, ms: i64, json: String, kind: Broken) {
        self.expected.count_broken(stream, kind);
        self.hold(stream, ms, json);
    }

    fn hold(&mut self, stream: &'static str, arrives_ms: i64, json: String) {
        self.made += 1;
        self.held.push(Reverse(Held { arrives_ms, serial: self.made, stream, json }));
    }

    /// What the store must say of the whole.
    fn claim(&mut self) {
        let decimal = |units: i64, scale| {
            let mut out = String::new();
            push_decimal(&mut out, units, scale);
            out
        };
        let sums = &self.sums;
        let claims = [
            ("samples", "select count(*) from telemetry_history", sums.samples.to_string()),
            ("seconds in the air", "select sum(airborne_s) from aircraft_hours", {
                decimal(sums.airborne_ms, 3)
            }),
            ("landings", "select sum(cycles) from aircraft_hours", sums.cycles.to_string()),
            ("flights", "select sum(flights) from aircraft_hours", sums.flights.to_string()),
            ("flights of pilots", "select sum(flights) from pilot_hours", {
                sums.flights.to_string()
            }),
            ("sessions voided", "select count(*) from session_state where voided > 0", {
                sums.voided.to_string()
            }),
            ("flights assessed", "select sum(assessed) from aircraft_days", {
                sums.assessed.to_string()
            }),
            ("risk of these", "select sum(risk_sum) from aircraft_days", decimal(sums.risk, 4)),
            ("of high risk", "select sum(high_risk) from aircraft_days", sums.high.to_string()),
            ("calls of programs", "select sum(calls) from api_usage_1d", sums.calls.to_string()),
        ];
        for (what, sql, is) in claims {
            self.expected.claim(Claim { what, sql: sql.to_owned(), is });
        }
    }
}

/// The flight that is planned for the grounded aircraft just before it is grounded.
pub(super) fn grounded_flight(start_ms: i64, dice: &mut Dice) -> Flight {
    Flight { has_live: false, ..Flight::new(0xffff_ffff, GROUNDED, start_ms, dice) }
}

impl Iterator for Course {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            let ended = self.made >= self.options.events;
            let now = self.now_ms;
            if ended || self.held.peek().is_some_and(|held| held.0.arrives_ms <= now) {
                if let Some(Reverse(held)) = self.held.pop() {
                    return Some(Event::one(held.stream, held.json));
                }
                if !self.done {
                    self.done = true;
                    self.claim();
                }
                return None;
            }
            if self.made > 0 && !self.grounded_told && self.options.broken_per_million > 0 {
                self.grounded();
            } else {
                self.make();
            }
        }
    }
}
