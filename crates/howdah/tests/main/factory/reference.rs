//! The figures of the brief computed from raw events, from the beginning to the end and without any
//! of howdah's code: what the views are held against.
//!
//! Moments and lengths are microseconds; nothing is rounded before the end.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde_json::Value;

/// A part of a shift that lies in one day of its site: from, to and the day.
type Part<'s> = (&'s Shift, i64, i64, Date);

/// A machine: company and code.
pub type Machine = (String, String);

const SECOND: i64 = 1_000_000;
/// A longer silence is unknown.
const LONGEST: i64 = 30 * 24 * 3_600 * SECOND;
/// A shorter stop without a failure is a delay.
const SHORT: i64 = 300 * SECOND;

/// A state that counts.
#[derive(Debug, Clone, PartialEq)]
struct State {
    state: String,
    reason: String,
}

/// Counters: total, good, scrap, rework, and what was made.
#[derive(Debug, Clone, PartialEq)]
struct Count {
    values: [i64; 4],
    product: String,
    order: String,
}

/// How a reason of being down counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Down, and a failure.
    Failure,
    /// Down.
    Unplanned,
    /// Planned downtime.
    Planned,
}

/// A shift of a line.
#[derive(Debug, Clone)]
pub struct Shift {
    pub org: String,
    pub line: String,
    pub id: String,
    pub from: i64,
    pub to: i64,
    pub zone: TimeZone,
}

/// The planned run time of a part, in tenths of milliseconds, and since when and until when.
#[derive(Debug, Clone, Copy)]
pub struct Standard {
    pub from: i64,
    pub to: i64,
    pub pri: i64,
}

/// The sums of a machine in a shift or a day.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sums {
    pub pot: i64,
    pub pdt: i64,
    pub apt: i64,
    pub aust: i64,
    pub adet: i64,
    pub adot: i64,
    pub nst: i64,
    /// Said to be unknown: offline.
    pub offline: i64,
    pub failures: i64,
    pub failure_us: i64,
    pub parts: [i64; 4],
    /// Parts whose standard is known.
    pub known: i64,
    /// Planned run time of all, good, scrapped and reworked parts, in tenths of milliseconds.
    pub ideal: [i64; 4],
}

impl Sums {
    pub fn pbt(&self) -> i64 {
        self.pot - self.pdt
    }

    /// What is left of the time when all elements are taken away.
    pub fn unknown(&self) -> i64 {
        self.pot - self.pdt - self.apt - self.aust - self.adet - self.adot - self.nst
    }

    /// OEE by its check form: planned run time of good parts in the planned busy time.
    pub fn oee(&self) -> Option<f64> {
        let known = self.known == self.parts[0] && self.pbt() > 0;
        known.then(|| self.ideal[1] as f64 * 100.0 / self.pbt() as f64)
    }

    pub fn availability(&self) -> Option<f64> {
        (self.pbt() > 0).then(|| self.apt as f64 / self.pbt() as f64)
    }

    pub fn effectiveness(&self) -> Option<f64> {
        let known = self.known == self.parts[0] && self.apt > 0;
        known.then(|| self.ideal[0] as f64 * 100.0 / self.apt as f64)
    }

    pub fn quality(&self) -> Option<f64> {
        (self.parts[0] > 0).then(|| self.parts[1] as f64 / self.parts[0] as f64)
    }

    fn add(&mut self, more: &Self) {
        self.pot += more.pot;
        self.pdt += more.pdt;
        self.apt += more.apt;
        self.aust += more.aust;
        self.adet += more.adet;
        self.adot += more.adot;
        self.nst += more.nst;
        self.offline += more.offline;
        self.failures += more.failures;
        self.failure_us += more.failure_us;
        self.known += more.known;
        for at in 0..4 {
            self.parts[at] += more.parts[at];
            self.ideal[at] += more.ideal[at];
        }
    }
}

/// Everything that was said, without repeats, and what was taken back.
#[derive(Debug, Default)]
pub struct Plant {
    states: BTreeMap<Machine, BTreeMap<(i64, i64), State>>,
    voided: BTreeSet<(Machine, i64, i64)>,
    counts: BTreeMap<(Machine, i64), BTreeMap<i64, Count>>,
    /// What the names of its companies begin with.
    pub orgs: String,
    pub reasons: HashMap<String, Reason>,
    pub standards: BTreeMap<(Machine, String), Vec<Standard>>,
    /// The line of each machine.
    pub lines: BTreeMap<Machine, String>,
    pub shifts: Vec<Shift>,
}

/// A moment as RFC 3339.
pub fn moment(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_microsecond()
}

fn text(event: &Value, field: &str) -> String {
    event[field].as_str().unwrap_or_default().to_owned()
}

impl Plant {
    /// Takes an event; whether it is one that must be refused, the caller has seen to.
    pub fn take(&mut self, event: &Value) {
        let machine = (text(event, "org"), text(event, "equipment"));
        let at = || moment(event["ts"].as_str().unwrap());
        let seq = event["seq"].as_i64().unwrap_or_default();
        match event["stream"].as_str().unwrap() {
            "machine_state" => self.state(machine, at(), seq, event),
            "production_count" => {
                let value = |field: &str| event[field].as_i64().unwrap();
                let fields = ["total_cum", "good_cum", "scrap_cum", "rework_cum"];
                let epoch = (machine, value("counter_epoch"));
                self.counts.entry(epoch).or_default().entry(at()).or_insert(Count {
                    values: fields.map(value),
                    product: text(event, "product_code"),
                    order: text(event, "order_no"),
                });
            }
            "correction" => {
                let key = &event["target_key"];
                let machine = (machine.0, text(key, "equipment"));
                let at = moment(key["ts"].as_str().unwrap());
                self.voided.insert((machine.clone(), at, key["seq"].as_i64().unwrap()));
                if event["action"] == "replace" {
                    self.state(machine, at, seq, &event["replacement"]);
                }
            }
            _ => {}
        }
    }

    fn state(&mut self, machine: Machine, at: i64, seq: i64, event: &Value) {
        let state = State { state: text(event, "state"), reason: text(event, "reason_code") };
        self.states.entry(machine).or_default().entry((at, seq)).or_insert(state);
    }

    /// The states of a machine that count, with the moments at which they begin and end.
    fn spans(&self, machine: &Machine) -> Vec<(i64, i64, i64, &State)> {
        let Some(states) = self.states.get(machine) else { return Vec::new() };
        let counts: Vec<_> = states
            .iter()
            .filter(|((at, seq), _)| !self.voided.contains(&(machine.clone(), *at, *seq)))
            .collect();
        let span = |pair: &[(&(i64, i64), &'_ State)]| (pair[0].0.0, pair[1].0.0);
        counts
            .windows(2)
            .map(|pair| {
                let (from, next) = span(pair);
                (from, next.min(from + LONGEST), next, pair[0].1)
            })
            .collect()
    }

    /// What each count added, at its moment: machine, moment, product, order, parts.
    fn steps(&self) -> impl Iterator<Item = (&Machine, i64, &Count, [i64; 4])> {
        self.counts.iter().flat_map(|((machine, _), counts)| {
            let counts: Vec<_> = counts.iter().collect();
            let mut steps = Vec::new();
            for pair in counts.windows(2) {
                let (now, before) = (pair[1].1.values, pair[0].1.values);
                let reset = now[0] < before[0];
                let added =
                    std::array::from_fn(|i| if reset { now[i] } else { now[i] - before[i] });
                steps.push((machine, *pair[1].0, pair[1].1, added));
            }
            steps
        })
    }

    /// Parts of an order over all machines.
    pub fn orders(&self) -> BTreeMap<(String, String), [i64; 4]> {
        let mut orders: BTreeMap<(String, String), [i64; 4]> = BTreeMap::new();
        for (machine, _, count, added) in self.steps() {
            let sums = orders.entry((machine.0.clone(), count.order.clone())).or_default();
            (0..4).for_each(|at| sums[at] += added[at]);
        }
        orders
    }

    /// The sums of every machine in every piece of a shift that lies in one day of its site.
    fn pieces(&self) -> BTreeMap<(Machine, String, Date), Sums> {
        let mut by_line = HashMap::<(&str, &str), Vec<Part<'_>>>::new();
        for shift in &self.shifts {
            let line = by_line.entry((shift.org.as_str(), shift.line.as_str())).or_default();
            line.extend(days(shift).into_iter().map(|(day, from, to)| (shift, from, to, day)));
        }
        let mut pieces = BTreeMap::new();
        let none = Vec::new();
        for (machine, line) in &self.lines {
            let spans = self.spans(machine);
            let parts = by_line.get(&(machine.0.as_str(), line.as_str())).unwrap_or(&none);
            for (shift, from, to, day) in parts {
                let mut sums = Sums { pot: to - from, ..Sums::default() };
                for (begin, end, next, state) in &spans {
                    let (inner, outer) = ((*begin).max(*from), (*end).min(*to));
                    if outer > inner {
                        let begins = begin >= from;
                        self.count_time(&mut sums, state, outer - inner, next - begin, begins);
                    }
                }
                pieces.insert((machine.clone(), shift.id.clone(), *day), sums);
            }
        }
        for (machine, at, count, added) in self.steps() {
            let Some(line) = self.lines.get(machine) else { continue };
            let parts = by_line.get(&(machine.0.as_str(), line.as_str())).unwrap_or(&none);
            let piece = parts.iter().find(|(_, from, to, _)| (*from..*to).contains(&at));
            let Some((shift, _, _, day)) = piece else { continue };
            let key = (machine.clone(), shift.id.clone(), *day);
            self.count_parts(pieces.get_mut(&key).unwrap(), machine, at, count, added);
        }
        pieces
    }

    fn count_time(&self, sums: &mut Sums, state: &State, length: i64, whole: i64, begins: bool) {
        let reason = self.reasons.get(&state.reason).copied();
        let failure = reason == Some(Reason::Failure);
        let element = match state.state.as_str() {
            "PRODUCING" => &mut sums.apt,
            "SETUP" => &mut sums.aust,
            "MINOR_STOP" | "STARVED" | "BLOCKED" => &mut sums.adet,
            "PLANNED_STOP" | "BREAK" => &mut sums.pdt,
            "NO_ORDER" => &mut sums.nst,
            "OFFLINE" => &mut sums.offline,
            "DOWN" if reason == Some(Reason::Planned) => &mut sums.pdt,
            "DOWN" if whole < SHORT && !failure => &mut sums.adet,
            "DOWN" => &mut sums.adot,
            other => panic!("a state {other}"),
        };
        *element += length;
        if state.state == "DOWN" && failure {
            sums.failure_us += length;
            sums.failures += i64::from(begins);
        }
    }

    fn count_parts(
        &self,
        sums: &mut Sums,
        machine: &Machine,
        at: i64,
        count: &Count,
        added: [i64; 4],
    ) {
        let key = (machine.clone(), count.product.clone());
        let standard = self
            .standards
            .get(&key)
            .and_then(|all| all.iter().find(|one| (one.from..one.to).contains(&at)));
        for (i, added) in added.into_iter().enumerate() {
            sums.parts[i] += added;
            if let Some(standard) = standard {
                sums.ideal[i] += added * standard.pri;
            }
        }
        if standard.is_some() {
            sums.known += added[0];
        }
    }

    /// The sums of every machine in every shift.
    pub fn by_shift(&self) -> BTreeMap<(Machine, String), Sums> {
        let mut sums: BTreeMap<_, Sums> = BTreeMap::new();
        for ((machine, shift, _), piece) in self.pieces() {
            sums.entry((machine, shift)).or_default().add(&piece);
        }
        sums
    }

    /// The sums of every machine in every day of its site.
    pub fn by_day(&self) -> BTreeMap<(Machine, String), Sums> {
        let mut sums: BTreeMap<_, Sums> = BTreeMap::new();
        for ((machine, _, day), piece) in self.pieces() {
            sums.entry((machine, day.to_string())).or_default().add(&piece);
        }
        sums
    }

    /// Microseconds in each state since ever, of all machines.
    pub fn seconds_by_state(&self) -> BTreeMap<String, i64> {
        let mut sums: BTreeMap<String, i64> = BTreeMap::new();
        for machine in self.states.keys() {
            for (from, to, _, state) in self.spans(machine) {
                *sums.entry(state.state.clone()).or_default() += to - from;
            }
        }
        sums
    }

    /// Operating time, failures, and time of failures since ever, of each machine.
    pub fn reliability(&self) -> BTreeMap<Machine, (i64, i64, i64)> {
        let mut all = BTreeMap::new();
        for machine in self.lines.keys() {
            let mut one = (0, 0, 0);
            for (from, to, _, state) in self.spans(machine) {
                let failure = self.reasons.get(&state.reason) == Some(&Reason::Failure);
                match state.state.as_str() {
                    "PRODUCING" | "SETUP" => one.0 += to - from,
                    "DOWN" if failure => {
                        one.1 += 1;
                        one.2 += to - from;
                    }
                    _ => {}
                }
            }
            all.insert(machine.clone(), one);
        }
        all
    }
}

/// The days of its site that a shift lies in, with the parts of it.
fn days(shift: &Shift) -> Vec<(Date, i64, i64)> {
    let at = |us: i64| Timestamp::from_microsecond(us).unwrap().to_zoned(shift.zone.clone());
    let mut day = at(shift.from).date();
    let mut found = Vec::new();
    loop {
        let begin = day.to_zoned(shift.zone.clone()).unwrap().timestamp().as_microsecond();
        let next = day.tomorrow().unwrap();
        let end = next.to_zoned(shift.zone.clone()).unwrap().timestamp().as_microsecond();
        let (from, to) = (shift.from.max(begin), shift.to.min(end));
        if to > from {
            found.push((day, from, to));
        }
        if end >= shift.to {
            return found;
        }
        day = next;
    }
}

/// Three shifts a day by the clock of the site: 06:00, 14:00, 22:00, each until the next begins.
pub fn three_shifts(org: &str, line: &str, zone: &str, first: Date, last: Date) -> Vec<Shift> {
    let zone = TimeZone::get(zone).unwrap();
    let hours = [6, 14, 22];
    let at = |day: Date, hour: i8| {
        let local = day.at(hour, 0, 0, 0).to_zoned(zone.clone()).unwrap();
        local.timestamp().as_microsecond()
    };
    let mut shifts = Vec::new();
    let mut day = first;
    while day <= last {
        let next = day.checked_add(1.day()).unwrap();
        for (n, hour) in hours.iter().enumerate() {
            let to = hours.get(n + 1).map_or_else(|| at(next, hours[0]), |hour| at(day, *hour));
            shifts.push(Shift {
                org: org.to_owned(),
                line: line.to_owned(),
                id: format!("{}-{}", day.strftime("%Y%m%d"), n + 1),
                from: at(day, *hour),
                to,
                zone: zone.clone(),
            });
        }
        day = next;
    }
    shifts
}
