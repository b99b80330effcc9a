//! Rollups of spans: after every commit the tables equal a computation from all events, in whatever
//! order and cut they come.

use std::collections::{BTreeMap, BTreeSet};

use howdah_pg::{ConnectOptions, connect};
use howdah_testkit::wait_until;

use crate::derived::shuffle;
use crate::engine::{Engine, Feed, fine};
use crate::rollups::Dice;

const TABLES: &str = "
create table orgs (org int primary key);
insert into orgs values (1), (2);
create table machines (org int, machine text, line text, primary key (org, machine));
insert into machines select o, m, case when m = 'c' then 'two' else 'one' end
from unnest(array[1, 2]) o, unnest(array['a', 'b', 'c']) m;
create table shifts (org int, line text, shift text not null, period tstzrange not null);
create index on shifts (org, line, lower(period));
create view machine_shifts with (security_invoker = true) as
select org, m.machine, s.shift, s.period from machines m join shifts s using (org, line);
create table states (
    org int not null, machine text not null, at timestamptz not null, seq int not null,
    state text not null, epoch int not null, total bigint, product text,
    id bigint not null, reverses bigint
);
";

const SYSTEM: &str = r#"
[system]
name = "{db}"
[tenants]
column = "org"
table = "orgs"
[streams.states]
time = "at"
key = ["machine", "at", "seq"]
order = ["seq"]
accept = { future = "10 years" }
[sources.one]
file = "one.ndjson"
into = "states"
map = { at = { field = "at", as = "epoch s" } }
[sources.two]
file = "two.ndjson"
into = "states"
map = { at = { field = "at", as = "epoch s" } }
[spans.times]
from = "states"
by = ["machine"]
within = ["epoch"]
longest = "10 hours"
[spans.stops]
from = "states"
by = ["machine"]
where = "state <> 'run'"
[rollups.hours]
from = "times"
every = ["1 hour", "1 day"]
timezone = "Europe/Berlin"
by = ["machine", "state"]
secs = "sum(seconds)"
begun = "count(*) filter (where begins)"
done = "count(*) filter (where ends)"
parts = "count(*)"
[rollups.counts]
from = "times"
at = "end"
every = ["1 hour"]
by = ["machine", "product"]
made = "sum(counter_delta(total, prev.total))"
steps = "count(prev.total)"
cuts = "count(*) filter (where cut)"
mean = "avg(seconds)"
[rollups.ever]
from = "times"
by = ["machine"]
where = "next.state <> 'idle'"
secs = "sum(seconds)"
spans = "count(*)"
rate = "secs / nullif(spans, 0)"
p90 = "quantile(0.9, seconds)"
sd = "stddev(seconds)"
[rollups.between_stops]
from = "stops"
at = "begin"
by = ["machine"]
secs = "sum(seconds)"
[rollups.by_shift]
from = "times"
calendar = { table = "machine_shifts", by = ["machine"], period = "period", key = ["shift"] }
by = ["machine", "state"]
secs = "sum(seconds)"
begun = "count(*) filter (where begins)"
[rollups.events_by_shift]
from = "states"
calendar = { table = "machine_shifts", by = ["machine"], period = "period" }
by = ["machine"]
events = "count(*)"
totals = "sum(total)"
[rollups.plain]
from = "states"
by = ["machine"]
events = "count(*)"
"#;

/// 2026-10-24 00:00 in Berlin, the day before clocks go back, as seconds.
const START: i64 = 1_792_792_800;
const HOUR: i64 = 3600;

/// Local midnights from [`START`] on.
fn days() -> [i64; 5] {
    [0, 24, 49, 73, 97].map(|hours| START + hours * HOUR)
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    org: i64,
    machine: &'static str,
    at: i64,
    seq: i64,
    id: i64,
    state: &'static str,
    epoch: i64,
    total: Option<i64>,
    product: Option<&'static str>,
    reverses: Option<i64>,
}

impl Event {
    fn random(dice: &mut Dice, id: i64) -> Self {
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

    fn key(&self) -> (i64, &'static str, i64, i64) {
        (self.org, self.machine, self.at, self.seq)
    }

    fn json(&self) -> String {
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
fn shifts() -> Vec<(i64, &'static str, &'static str, i64, i64)> {
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
type Tables = BTreeMap<&'static str, BTreeSet<String>>;

/// A sum of parts, by the key of a row.
#[derive(Default)]
struct Sums(BTreeMap<String, Vec<i64>>);

impl Sums {
    fn add(&mut self, key: String, values: &[i64]) {
        let held = self.0.entry(key).or_insert_with(|| vec![0; values.len()]);
        held.iter_mut().zip(values).for_each(|(held, value)| *held += value);
    }

    fn lines(self) -> BTreeSet<String> {
        let line = |(key, values): (String, Vec<i64>)| {
            let values: Vec<String> = values.iter().map(ToString::to_string).collect();
            format!("{key} {}", values.join(" "))
        };
        self.0.into_iter().map(line).collect()
    }
}

struct Pair<'a> {
    a: &'a Event,
    b: &'a Event,
    stop: i64,
    cut: bool,
}

fn pairs<'a>(events: &'a [&'a Event], longest: Option<i64>) -> Vec<Pair<'a>> {
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
fn model(live: &[Event]) -> Tables {
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

fn line_of(machine: &str) -> &'static str {
    if machine == "c" { "two" } else { "one" }
}

/// The tables of all spans.
fn of_spans(events: &[&Event]) -> Tables {
    let (mut hours, mut by_day) = (Sums::default(), Sums::default());
    let (mut counts, mut ever, mut by_shift) = (Sums::default(), Sums::default(), Sums::default());
    let mut all = pairs(events, Some(10 * HOUR));
    all.retain(|pair| pair.a.epoch == pair.b.epoch);
    for Pair { a, b, stop, cut } in &all {
        let split = |edges: &[(i64, i64)], sums: &mut Sums| {
            for (from, to) in edges {
                let (begin, end) = ((*from).max(a.at), (*to).min(*stop));
                let here = begin < end || (a.at == *stop && (*from..*to).contains(&a.at));
                if here {
                    let begun = i64::from(begin == a.at);
                    let done = i64::from(end == *stop && !cut);
                    let key = format!("{} {} {} {from}", a.org, a.machine, a.state);
                    sums.add(key, &[1, end - begin, begun, done, 1]);
                }
            }
        };
        let each_hour: Vec<(i64, i64)> =
            (0..90).map(|n| (START + n * HOUR, START + (n + 1) * HOUR)).collect();
        split(&each_hour, &mut hours);
        let each_day: Vec<(i64, i64)> = days().windows(2).map(|two| (two[0], two[1])).collect();
        split(&each_day, &mut by_day);
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
            ever.add(format!("{} {}", a.org, a.machine), &[1, stop - a.at, 1]);
        }
    }
    for (org, line, shift, from, to) in shifts() {
        for Pair { a, stop, .. } in &all {
            let (begin, end) = (from.max(a.at), to.min(*stop));
            let here = begin < end || (a.at == *stop && (from..to).contains(&a.at));
            if here && a.org == org && line_of(a.machine) == line {
                let key = format!("{org} {} {} {shift} {from}", a.machine, a.state);
                by_shift.add(key, &[1, end - begin, i64::from(begin == a.at)]);
            }
        }
    }
    BTreeMap::from([
        ("hours_1h", hours.lines()),
        ("hours_1d", by_day.lines()),
        ("counts_1h", counts.lines()),
        ("ever", ever.lines()),
        ("by_shift", by_shift.lines()),
    ])
}

/// The same lines from the tables.
async fn kept(engine: &Engine) -> Tables {
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

async fn assert_kept(engine: &Engine, live: &[Event], when: &str) {
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

async fn engine(system: &str) -> Engine {
    let engine = Engine::new(TABLES, system).await;
    for (org, line, shift, from, to) in shifts() {
        engine
            .run(&format!(
                "insert into shifts values ({org}, '{line}', '{shift}', \
                 tstzrange(to_timestamp({from}), to_timestamp({to})))"
            ))
            .await;
    }
    engine.apply().await;
    engine
}

/// The first event of each key counts.
fn first_of_each(events: &[Event]) -> Vec<Event> {
    let mut seen = BTreeSet::new();
    events.iter().filter(|event| seen.insert(event.key())).cloned().collect()
}

#[tokio::test]
async fn spans_follow_events_in_any_order_and_cut() {
    for seed in 0..2 {
        let engine = engine(SYSTEM).await;
        let mut dice = Dice(77 + seed);
        let mut events: Vec<Event> = (0..120).map(|id| Event::random(&mut dice, id)).collect();
        // One of the seeds has them in their order.
        if seed == 1 {
            events.sort();
        } else {
            shuffle(&mut dice, &mut events);
        }
        let (mut one, mut two) = (engine.feed("one").await, engine.feed("two").await);
        let (mut at, mut round) = (0, 0);
        while at < events.len() {
            let end = (at + 1 + dice.below(40) as usize).min(events.len());
            let mut texts: Vec<String> = events[at..end].iter().map(Event::json).collect();
            // Repeats of any event before change nothing.
            texts.extend((0..dice.below(4)).map(|_| {
                let event = &events[dice.below(end as u64) as usize];
                event.json()
            }));
            let feed = if dice.below(2) == 0 { &mut one } else { &mut two };
            feed.commit(&texts).await;
            at = end;
            round += 1;
            let live = first_of_each(&events[..at]);
            assert_kept(&engine, &live, &format!("seed {seed}, round {round}")).await;
        }
        assert!(one.writer.ways().direct + two.writer.ways().direct > 0, "some went directly");
        engine.assert_fold_is_rebuild().await;
    }
}

const REVERSES: &str = "reverses = { id = \"reverses\" }";

#[tokio::test]
async fn spans_close_where_an_event_is_taken_back() {
    let system = SYSTEM
        .replace("key = [\"machine\", \"at\", \"seq\"]", &format!("key = [\"id\"]\n{REVERSES}"))
        .replace("order = [\"seq\"]", "order = [\"seq\", \"id\"]");
    let engine = engine(&system).await;
    let mut dice = Dice(5);
    let mut events: Vec<Event> = (0..200).map(|id| Event::random(&mut dice, id)).collect();
    for id in 0..40 {
        let named = dice.below(200);
        let org = events[named as usize].org;
        let reversal = Event::random(&mut dice, 1000 + id);
        events.push(Event { org, reverses: Some(named as i64), ..reversal });
    }
    shuffle(&mut dice, &mut events);
    let mut one = engine.feed("one").await;
    let mut at = 0;
    while at < events.len() {
        let end = (at + 1 + dice.below(30) as usize).min(events.len());
        let texts: Vec<String> = events[at..end].iter().map(Event::json).collect();
        one.commit(&texts).await;
        at = end;
        let gone: BTreeSet<i64> = events[..at].iter().filter_map(|it| it.reverses).collect();
        let counts = |it: &&Event| it.reverses.is_none() && !gone.contains(&it.id);
        let live: Vec<Event> = events[..at].iter().filter(counts).cloned().collect();
        assert_kept_by_id(&engine, &live, &format!("after {at}")).await;
    }
    engine.assert_fold_is_rebuild().await;
}

/// Where the id ends the key, it orders events of one time and number.
async fn assert_kept_by_id(engine: &Engine, live: &[Event], when: &str) {
    let mut ordered = live.to_vec();
    ordered.sort_by_key(|it| (it.org, it.machine, it.at, it.seq, it.id));
    // A number of its own for each event keeps this order.
    for (n, event) in ordered.iter_mut().enumerate() {
        event.seq = n as i64;
    }
    assert_kept(engine, &ordered, when).await;
}

/// Every writer waits for a lock: those that can be open at once are.
async fn all_wait(engine: &Engine, writers: i64) -> bool {
    let waiting = "select count(*) from pg_stat_activity \
                   where datname = current_database() and wait_event_type = 'Lock'";
    engine.one::<i64>(waiting).await == writers
}

#[tokio::test]
async fn batches_that_are_open_at_once_see_each_others_neighbours() {
    let engine = engine(SYSTEM).await;
    let mut dice = Dice(9);
    let (mut one, mut two) = (engine.feed("one").await, engine.feed("two").await);
    let holder = engine.db.connect().await;
    let mut live: Vec<Event> = Vec::new();
    for (feed, id) in [(&mut one, 0), (&mut two, 1)] {
        let event = Event::random(&mut dice, id);
        feed.commit(&[event.json()]).await;
        live.push(event);
    }
    for round in 0..15 {
        let mut events: Vec<Event> = (0..8).map(|id| Event::random(&mut dice, id)).collect();
        let keys: BTreeSet<_> = live.iter().map(Event::key).collect();
        events.retain(|event| !keys.contains(&event.key()));
        let mut events = first_of_each(&events);
        // No event of the one is an event of the other: a repeat would wait for the other's end.
        shuffle(&mut dice, &mut events);
        let (of_one, of_two) = events.split_at(events.len() / 2);
        let texts = |events: &[Event]| events.iter().map(Event::json).collect::<Vec<_>>();
        let (first, second) = (texts(of_one), texts(of_two));
        // The first waits with all that it changed, just before its commit; the second as far as
        // it comes.
        holder.batch_execute("begin; select from howdah.positions for update").await.unwrap();
        let release = async {
            wait_until("both wait", std::time::Duration::from_secs(60), async || {
                all_wait(&engine, 2).await
            })
            .await;
            holder.batch_execute("commit").await.unwrap();
        };
        tokio::join!(one.commit(&first), two.commit(&second), release);
        live.extend(events);
        assert_kept(&engine, &live, &format!("round {round}")).await;
    }
    engine.assert_fold_is_rebuild().await;
}

#[tokio::test]
async fn an_event_whose_span_cannot_be_computed_is_refused_alone() {
    let text = format!(
        "{SYSTEM}[rollups.broken]\nfrom = \"times\"\nby = [\"machine\"]\n\
         share = \"sum(100 / (next.total - 50))\"\n"
    );
    let engine = engine(&text).await;
    let mut dice = Dice(3);
    let mut events: Vec<Event> = (0..40)
        .map(|id| Event { org: 1, machine: "a", total: Some(id), ..Event::random(&mut dice, id) })
        .map(|event| Event { at: START + event.id * 60, epoch: 0, ..event })
        .collect();
    events[20].total = Some(50);
    events[33].total = Some(50);
    let mut one = engine.feed("one").await;
    let texts: Vec<String> = events.iter().map(Event::json).collect();
    let outcome = one.commit(&texts).await;
    assert_eq!((outcome.rows, outcome.dead_letters), (38, 2));
    let codes = engine.texts("select code from howdah.dead_letters").await;
    assert_eq!(codes, ["22012", "22012"]);
    events.retain(|event| event.total != Some(50));
    assert_kept(&engine, &events, "after").await;
    engine.assert_fold_is_rebuild().await;
}

#[tokio::test]
async fn a_tenant_sees_its_own_spans_alone() {
    let engine = engine(SYSTEM).await;
    let mut dice = Dice(4);
    let events: Vec<Event> = (0..60).map(|id| Event::random(&mut dice, id)).collect();
    let texts: Vec<String> = events.iter().map(Event::json).collect();
    let mut one: Feed = engine.feed("one").await;
    one.commit(&texts).await;
    let name = engine.db.name().to_owned();
    let url = engine.db.login("two", &[&format!("{name}_reader")]).await;
    engine.run(&format!("insert into howdah.tenant_logins values ('{name}_two', '2')")).await;
    let tenant = fine(connect(&fine(ConnectOptions::from_url(&url))).await);
    for table in ["hours_1h", "by_shift", "ever", "times_open", "events_by_shift"] {
        let row = tenant
            .query_one(
                &format!("select count(*), count(*) filter (where org = 2) from {table}"),
                &[],
            )
            .await
            .unwrap();
        let (all, own): (i64, i64) = (row.get(0), row.get(1));
        assert!(all > 0 && all == own, "{table}: {all} rows, {own} of the tenant");
    }
}

#[tokio::test]
async fn a_changed_calendar_is_found_and_a_rebuild_follows_it() {
    let engine = engine(SYSTEM).await;
    let mut dice = Dice(6);
    let events: Vec<Event> = (0..60).map(|id| Event::random(&mut dice, id)).collect();
    let texts: Vec<String> = events.iter().map(Event::json).collect();
    engine.feed("one").await.commit(&texts).await;
    engine.assert_proved().await;
    engine.run("delete from shifts where shift = 'late' and org = 1").await;
    let proofs = engine.proofs().await;
    let wrong: Vec<&str> =
        proofs.iter().filter(|it| !it.holds()).map(|it| it.relation.as_str()).collect();
    assert_eq!(wrong, ["by_shift", "events_by_shift"]);
    engine.rebuild_all().await;
    engine.assert_proved().await;
}
