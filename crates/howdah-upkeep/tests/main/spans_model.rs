//! Rollups of spans computed from all events, the plain way, for [`crate::spans`].

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::Engine;
use crate::rollups::Dice;

/// 2026-10-24 00:00 in Berlin, the day before clocks go back, as seconds.
pub const START: i64 = 1_792_792_800;
pub const HOUR: i64 = 3600;

/// Local midnights from [`START`] on.
pub fn days() -> [i64; 5] {
    [0, 24, 49, 73, 97].map(|hours| START + hours * HOUR)
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    pub org: i64,
    pub machine: &'static str,
    pub at: i64,
    pub seq: i64,
    pub id: i64,
    pub state: &'static str,
    pub epoch: i64,
    pub total: Option<i64>,
    pub product: Option<&'static str>,
    pub reverses: Option<i64>,
}

impl Event {
    pub fn random(dice: &mut Dice, id: i64) -> Self {
        let mut pick = |from: &[&'static str]| from[dice.below(from.len() as u64) as usize];
        let (machine, state) = (pick(&["a", "b", "c"]), pick(&["run", "idle", "down"]));
        let product = Some(pick(&["x", "y", ""])).filter(|it| !it.is_empty());
        // Coarse times: many are equal, many fall on borders of hours.
        let at = START + dice.below(4 * 72) as i64 * 900;
        Self {
            org: 1 + dice.below(2) as i64,
            machine,
            at,
            seq: dice.below(3) as i64,
            id,
            state,
            epoch: (at - START) / (40 * HOUR),
            total: Some(dice.below(100) as i64).filter(|it| *it > 5),
            product,
            reverses: None,
        }
    }

    pub fn key(&self) -> (i64, &'static str, i64, i64) {
        (self.org, self.machine, self.at, self.seq)
    }

    pub fn json(&self) -> String {
        let text = |value: Option<i64>| value.map_or("null".to_owned(), |it| it.to_string());
        format!(
            "{{\"org\": {}, \"machine\": \"{}\", \"at\": {}, \"seq\": {}, \"state\": \"{}\", \
             \"epoch\": {}, \"total\": {}, \"product\": {}, \"id\": {}, \"reverses\": {}}}",
            self.org,
            self.machine,
            self.at,
            self.seq,
            self.state,
            self.epoch,
            text(self.total),
            self.product.map_or("null".to_owned(), |it| format!("\"{it}\"")),
            self.id,
            text(self.reverses),
        )
    }
}

/// `(org, line, shift, from, to)`: three shifts a day by the local clock, the night one across
/// midnight, of 9 hours when clocks go back; the early ones of the last day are missing.
pub fn shifts() -> Vec<(i64, &'static str, &'static str, i64, i64)> {
    let mut out = Vec::new();
    for (n, day) in days().iter().take(4).enumerate() {
        // Behind 03:00 of the second day local clocks are an hour later.
        let late = if n == 1 { HOUR } else { 0 };
        let night = days()[n + 1] + 6 * HOUR + if n == 0 { HOUR } else { 0 };
        let of_day = [
            ("early", day + 6 * HOUR + late, day + 14 * HOUR + late),
            ("late", day + 14 * HOUR + late, day + 22 * HOUR + late),
            ("night", day + 22 * HOUR + late, night),
        ];
        for org in [1, 2] {
            for line in ["one", "two"] {
                let kept = of_day.iter().filter(|(shift, ..)| n < 3 || *shift != "early");
                out.extend(kept.map(|(shift, from, to)| (org, line, *shift, *from, *to)));
            }
        }
    }
    out
}

/// What the tables should hold: for each a set of lines.
pub type Tables = BTreeMap<&'static str, BTreeSet<String>>;

/// A sum of parts, by the key of a row.
#[derive(Default)]
pub struct Sums(BTreeMap<String, Vec<i64>>);

impl Sums {
    pub fn add(&mut self, key: String, values: &[i64]) {
        let held = self.0.entry(key).or_insert_with(|| vec![0; values.len()]);
        held.iter_mut().zip(values).for_each(|(held, value)| *held += value);
    }

    pub fn lines(self) -> BTreeSet<String> {
        let line = |(key, values): (String, Vec<i64>)| {
            let values: Vec<String> = values.iter().map(ToString::to_string).collect();
            format!("{key} {}", values.join(" "))
        };
        self.0.into_iter().map(line).collect()
    }
}

pub struct Pair<'a> {
    pub a: &'a Event,
    pub b: &'a Event,
    pub stop: i64,
    pub cut: bool,
}

pub fn pairs<'a>(events: &'a [&'a Event], longest: Option<i64>) -> Vec<Pair<'a>> {
    let mut out = Vec::new();
    for two in events.windows(2) {
        let (a, b) = (two[0], two[1]);
        if (a.org, a.machine) == (b.org, b.machine) {
            let stop = longest.map_or(b.at, |longest| b.at.min(a.at + longest));
            out.push(Pair { a, b, stop, cut: stop < b.at });
        }
    }
    out
}

/// Everything from the events, the plain way.
pub fn model(live: &[Event]) -> Tables {
    let mut events: Vec<&Event> = live.iter().collect();
    events.sort_by_key(|it| it.key());
    let mut out = of_spans(&events);
    let (mut between, mut of_events) = (Sums::default(), Sums::default());
    let stops: Vec<&Event> = events.iter().copied().filter(|it| it.state != "run").collect();
    for Pair { a, stop, .. } in pairs(&stops, None) {
        between.add(format!("{} {}", a.org, a.machine), &[1, stop - a.at]);
    }
    for (org, line, _, from, to) in shifts() {
        for event in &events {
            let here = event.org == org && line_of(event.machine) == line;
            if here && (from..to).contains(&event.at) {
                let key = format!("{org} {} {from}", event.machine);
                of_events.add(key, &[1, 1, event.total.unwrap_or(0)]);
            }
        }
    }
    out.insert("between_stops", between.lines());
    out.insert("events_by_shift", of_events.lines());
    out
}

pub fn line_of(machine: &str) -> &'static str {
    if machine == "c" { "two" } else { "one" }
}

/// The tables of all spans.
pub fn of_spans(events: &[&Event]) -> Tables {
    let (mut hours, mut daily) = (Sums::default(), Sums::default());
    let (mut counts, mut always, mut shifted) = (Sums::default(), Sums::default(), Sums::default());
    let mut all = pairs(events, Some(10 * HOUR));
    all.retain(|pair| pair.a.epoch == pair.b.epoch);
    for Pair { a, b, stop, cut } in &all {
        let split = |edges: &[(i64, i64)], sums: &mut Sums| {
            for (from, to) in edges {
                let (begin, end) = ((*from).max(a.at), (*to).min(*stop));
                let here = begin < end || (a.at == *stop && (*from..*to).contains(&a.at));
                if here {
                    let first = i64::from(begin == a.at);
                    let done = i64::from(end == *stop && !cut);
                    let key = format!("{} {} {} {from}", a.org, a.machine, a.state);
                    sums.add(key, &[1, end - begin, first, done, 1]);
                }
            }
        };
        let each_hour: Vec<(i64, i64)> =
            (0..90).map(|n| (START + n * HOUR, START + (n + 1) * HOUR)).collect();
        split(&each_hour, &mut hours);
        let each_day: Vec<(i64, i64)> = days().windows(2).map(|two| (two[0], two[1])).collect();
        split(&each_day, &mut daily);
        let delta = match (a.total, b.total) {
            (Some(before), Some(now)) if now < before => now,
            (Some(before), Some(now)) => now - before,
            _ => 0,
        };
        counts.add(
            format!(
                "{} {} {} {}",
                b.org,
                b.machine,
                b.product.unwrap_or("-"),
                b.at - (b.at - START).rem_euclid(HOUR)
            ),
            &[1, delta, i64::from(a.total.is_some()), i64::from(*cut), stop - a.at, 1],
        );
        if b.state != "idle" {
            always.add(format!("{} {}", a.org, a.machine), &[1, stop - a.at, 1]);
        }
    }
    for (org, line, shift, from, to) in shifts() {
        for Pair { a, stop, .. } in &all {
            let (begin, end) = (from.max(a.at), to.min(*stop));
            let here = begin < end || (a.at == *stop && (from..to).contains(&a.at));
            if here && a.org == org && line_of(a.machine) == line {
                let key = format!("{org} {} {} {shift} {from}", a.machine, a.state);
                shifted.add(key, &[1, end - begin, i64::from(begin == a.at)]);
            }
        }
    }
    BTreeMap::from([
        ("hours_1h", hours.lines()),
        ("hours_1d", daily.lines()),
        ("counts_1h", counts.lines()),
        ("ever", always.lines()),
        ("by_shift", shifted.lines()),
    ])
}

/// The same lines from the tables.
pub async fn kept(engine: &Engine) -> Tables {
    let bucket = "extract(epoch from bucket)::bigint";
    let queries = [
        (
            "hours_1h",
            format!("org, machine, state, {bucket}, howdah_rows, secs::bigint, begun, done, parts"),
        ),
        (
            "hours_1d",
            format!("org, machine, state, {bucket}, howdah_rows, secs::bigint, begun, done, parts"),
        ),
        (
            "counts_1h",
            format!(
                "org, machine, coalesce(product, '-'), {bucket}, howdah_rows, made::bigint, \
                 steps, cuts, mean_sum::bigint, mean_count"
            ),
        ),
        ("ever", "org, machine, howdah_rows, secs::bigint, spans".to_owned()),
        ("between_stops", "org, machine, howdah_rows, secs::bigint".to_owned()),
        (
            "by_shift",
            format!("org, machine, state, shift, {bucket}, howdah_rows, secs::bigint, begun"),
        ),
        ("events_by_shift", format!("org, machine, {bucket}, howdah_rows, events, totals::bigint")),
    ];
    let mut out = Tables::new();
    for (table, columns) in queries {
        let lines = engine.texts(&format!("select concat_ws(' ', {columns}) from {table}")).await;
        let rows = lines.len();
        let lines: BTreeSet<String> = lines.into_iter().collect();
        assert_eq!(rows, lines.len(), "{table} has each row once");
        out.insert(table, lines);
    }
    out
}

pub async fn assert_kept(engine: &Engine, live: &[Event], when: &str) {
    let (want, have) = (model(live), kept(engine).await);
    let mut wrong = Vec::new();
    for (table, want) in &want {
        let have = &have[table];
        let missing: Vec<&String> = want.difference(have).take(5).collect();
        let surplus: Vec<&String> = have.difference(want).take(5).collect();
        if !missing.is_empty() || !surplus.is_empty() {
            wrong.push(format!("{table}: lacks {missing:?}, has {surplus:?}"));
        }
    }
    if !wrong.is_empty() {
        let proofs = engine.proofs().await;
        let failed: Vec<_> = proofs.iter().filter(|proof| !proof.holds()).collect();
        let letters = engine.texts("select code || reason from howdah.dead_letters").await;
        panic!("{when}: {wrong:#?}; proofs that fail: {failed:#?}, dead letters: {letters:?}");
    }
}
