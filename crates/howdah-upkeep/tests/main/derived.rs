//! Derived rollups: after every commit equal to a computation from all events, in whatever order
//! states, lookups and repeats come, and equal to a rebuild.

use std::collections::{BTreeMap, BTreeSet};

use howdah_upkeep::rebuild::rebuild_derived;

use crate::engine::{Engine, Feed, fine};
use crate::rollups::Dice;

pub const TABLES: &str = "
create table prices (
    at timestamptz not null, id bigint not null, term int not null, curve int not null,
    price numeric(78,0) not null, shares numeric(78,0) not null, unique (id, at)
);
create table stakes (
    at timestamptz not null, id bigint not null, account text not null, term int not null,
    curve int not null, held bigint not null, unique (id, at)
);
create table placings (
    at timestamptz not null, id bigint not null, term int not null, triple int not null,
    p text, o text not null, unique (id, at)
);
";

pub const SYSTEM: &str = r#"
[system]
name = "{db}"
[streams.prices]
time = "at"
key = ["id"]
[streams.stakes]
time = "at"
key = ["id"]
[streams.placings]
time = "at"
key = ["id"]
[sources.prices]
file = "p.ndjson"
into = "prices"
map = { at = { field = "at", as = "epoch s" } }
[sources.stakes]
file = "s.ndjson"
into = "stakes"
map = { at = { field = "at", as = "epoch s" } }
[sources.placings]
file = "l.ndjson"
into = "placings"
map = { at = { field = "at", as = "epoch s" } }

[rollups.vaults]
from = "prices"
by = ["term", "curve"]
price = "last(price)"
shares = "last(shares)"
cap = "round(price * shares / 1e3)"

[rollups.holdings]
from = "stakes"
by = ["account", "term", "curve"]
held = "last(held)"

[rollups.sides]
from = "placings"
by = ["term"]
triple = "last(triple)"
p = "last(p)"
o = "last(o)"

[rollups.sums]
of = ["vaults", "holdings"]
by = ["term", "curve"]
cap = "sum(vaults.cap)"
holders = "count(holdings) filter (where holdings.held > 0)"
held = "sum(holdings.held)"
mean = "case when holders > 0 then cap / holders else 0 end"

[rollups.terms]
of = ["vaults", "sides"]
by = ["term"]
cap = "sum(vaults.cap)"
vaults = "count(vaults)"
placed = "count(sides) filter (where sides.p is not null)"
kind = "case when placed > 0 then 'placed' else 'unknown' end"

[rollups.triples]
of = ["vaults", "holdings"]
through = "sides"
by = ["triple", "curve"]
cap = "sum(vaults.cap)"
holders = "count(holdings) filter (where holdings.held > 0 and sides.o <> 'none')"

[rollups.pairs]
of = ["vaults", "holdings", "sides"]
through = "sides"
by = ["p", "o"]
terms = "count(sides)"
cap = "sum(vaults.cap)"
holders = "count(holdings.held) filter (where holdings.held > 0)"
"#;

/// What a state keeps: the values at the largest (time, id).
type Last<K, V> = BTreeMap<K, ((u64, u64), V)>;

/// The states, from every event that was committed.
#[derive(Default)]
pub struct Model {
    vaults: Last<(i64, i64), i128>,
    holdings: Last<(String, i64, i64), i64>,
    sides: Last<i64, (i64, Option<String>, String)>,
}

fn keep<K: Ord, V>(last: &mut Last<K, V>, key: K, order: (u64, u64), value: V) {
    if last.get(&key).is_none_or(|(known, _)| *known < order) {
        last.insert(key, (order, value));
    }
}

/// Rows and sums of one derived row.
#[derive(Default, Clone)]
struct Sums(i128, [i128; 3]);

fn add<K: Ord>(into: &mut BTreeMap<K, Sums>, key: K, values: [i128; 3]) {
    let sums = into.entry(key).or_default();
    sums.0 += 1;
    for (sum, value) in sums.1.iter_mut().zip(values) {
        *sum += value;
    }
}

impl Model {
    fn sums(&self) -> Vec<String> {
        let mut out = BTreeMap::new();
        for (key, (_, cap)) in &self.vaults {
            add(&mut out, *key, [*cap, 0, 0]);
        }
        for ((_, term, curve), (_, held)) in &self.holdings {
            add(&mut out, (*term, *curve), [0, i128::from(*held > 0), i128::from(*held)]);
        }
        let row = |((term, curve), Sums(rows, [cap, holders, held])): (_, Sums)| {
            format!("({term},{curve},{rows},{cap},{holders},{held})")
        };
        sorted(out.into_iter().map(row))
    }

    fn terms(&self) -> Vec<String> {
        let mut out = BTreeMap::new();
        for ((term, _), (_, cap)) in &self.vaults {
            add(&mut out, *term, [*cap, 1, 0]);
        }
        for (term, (_, (_, p, _))) in &self.sides {
            add(&mut out, *term, [0, 0, i128::from(p.is_some())]);
        }
        sorted(out.into_iter().map(|(term, Sums(rows, [cap, vaults, placed]))| {
            let kind = if placed > 0 { "placed" } else { "unknown" };
            format!("({term},{rows},{cap},{vaults},{placed},{kind})")
        }))
    }

    fn triples(&self) -> Vec<String> {
        let mut out = BTreeMap::new();
        for ((term, curve), (_, cap)) in &self.vaults {
            if let Some((_, (triple, _, _))) = self.sides.get(term) {
                add(&mut out, (*triple, *curve), [*cap, 0, 0]);
            }
        }
        for ((_, term, curve), (_, held)) in &self.holdings {
            if let Some((_, (triple, _, o))) = self.sides.get(term) {
                add(&mut out, (*triple, *curve), [0, i128::from(*held > 0 && o != "none"), 0]);
            }
        }
        sorted(out.into_iter().map(|((triple, curve), Sums(rows, [cap, holders, _]))| {
            format!("({triple},{curve},{rows},{cap},{holders})")
        }))
    }

    fn pairs(&self) -> Vec<String> {
        let mut out = BTreeMap::new();
        let place = |term: &i64| {
            let (_, (_, p, o)) = self.sides.get(term)?;
            Some((p.clone()?, o.clone()))
        };
        for term in self.sides.keys() {
            if let Some(pair) = place(term) {
                add(&mut out, pair, [1, 0, 0]);
            }
        }
        for ((term, _), (_, cap)) in &self.vaults {
            if let Some(pair) = place(term) {
                add(&mut out, pair, [0, *cap, 0]);
            }
        }
        for ((_, term, _), (_, held)) in &self.holdings {
            if let Some(pair) = place(term) {
                add(&mut out, pair, [0, 0, i128::from(*held > 0)]);
            }
        }
        sorted(out.into_iter().map(|((p, o), Sums(rows, [terms, cap, holders]))| {
            format!("({p},{o},{rows},{terms},{cap},{holders})")
        }))
    }

    /// Every derived table is what follows from the events.
    pub async fn assert_kept(&self, engine: &Engine, when: &str) {
        for (query, expected) in [
            ("select (term, curve, howdah_rows, cap, holders, held)::text from sums", self.sums()),
            ("select t::text from terms t", self.terms()),
            (
                "select (triple, curve, howdah_rows, cap, holders)::text from triples",
                self.triples(),
            ),
            ("select t::text from pairs t", self.pairs()),
        ] {
            let kept = sorted(engine.texts(query).await.into_iter());
            assert_eq!(kept, expected, "{when}: {query}");
        }
    }

    /// Takes an event as the states do: the later one of a key wins.
    pub fn take(&mut self, event: &Event) {
        let order = (event.at, event.id);
        match &event.what {
            What::Price { term, curve, price, shares } => {
                // Half away from zero, as numeric's round.
                let cap = (i128::from(price * shares) * 2 + 1000).div_euclid(2000);
                keep(&mut self.vaults, (*term, *curve), order, cap);
            }
            What::Stake { account, term, curve, held } => {
                keep(&mut self.holdings, (account.clone(), *term, *curve), order, *held);
            }
            What::Place { term, triple, p, o } => {
                keep(&mut self.sides, *term, order, (*triple, p.clone(), o.clone()));
            }
        }
    }
}

fn sorted(rows: impl Iterator<Item = String>) -> Vec<String> {
    let mut rows: Vec<String> = rows.collect();
    rows.sort();
    rows
}

#[derive(Clone)]
pub struct Event {
    pub id: u64,
    at: u64,
    pub what: What,
}

#[derive(Clone)]
pub enum What {
    Price { term: i64, curve: i64, price: i64, shares: i64 },
    Stake { account: String, term: i64, curve: i64, held: i64 },
    Place { term: i64, triple: i64, p: Option<String>, o: String },
}

impl Event {
    pub fn random(dice: &mut Dice, id: u64) -> Self {
        let term = dice.below(12) as i64;
        let curve = dice.below(2) as i64;
        let what = match dice.below(10) {
            0..=4 => What::Price {
                term,
                curve,
                price: dice.below(2000) as i64,
                shares: dice.below(50) as i64,
            },
            5..=8 => What::Stake {
                account: dice.pick(&["ada", "bob", "eve"]).to_owned(),
                term,
                curve,
                held: (dice.below(4) as i64) * dice.below(100) as i64,
            },
            _ => What::Place {
                term,
                // A triple and its counter side are two terms.
                triple: term / 2 + dice.below(2) as i64,
                p: Some(dice.pick(&["is", "has", "null"]).to_owned()).filter(|p| p != "null"),
                o: dice.pick(&["good", "none"]).to_owned(),
            },
        };
        Self { id, at: 1_780_000_000 + dice.below(40) * 3600, what }
    }

    /// Index of its source: prices, stakes, placings.
    pub fn source(&self) -> usize {
        match self.what {
            What::Price { .. } => 0,
            What::Stake { .. } => 1,
            What::Place { .. } => 2,
        }
    }

    pub fn json(&self) -> String {
        let rest = match &self.what {
            What::Price { term, curve, price, shares } => {
                format!(r#""term": {term}, "curve": {curve}, "price": {price}, "shares": {shares}"#)
            }
            What::Stake { account, term, curve, held } => format!(
                r#""account": "{account}", "term": {term}, "curve": {curve}, "held": {held}"#
            ),
            What::Place { term, triple, p, o } => {
                let p = p.as_ref().map_or("null".to_owned(), |p| format!("\"{p}\""));
                format!(r#""term": {term}, "triple": {triple}, "p": {p}, "o": "{o}""#)
            }
        };
        format!(r#"{{"id": {}, "at": {}, {rest}}}"#, self.id, self.at)
    }
}

async fn feeds(engine: &Engine) -> [Feed; 3] {
    [engine.feed("prices").await, engine.feed("stakes").await, engine.feed("placings").await]
}

#[tokio::test]
async fn derived_rollups_follow_their_states_at_every_commit() {
    let engine = Engine::applied(TABLES, &accepting(SYSTEM)).await;
    let mut dice = Dice(20_261_121);
    let mut feeds = feeds(&engine).await;
    let mut model = Model::default();
    let mut events: Vec<Event> = (0..600).map(|id| Event::random(&mut dice, id)).collect();
    for again in 0..60 {
        events.push(events[(again * 7) as usize].clone());
    }
    shuffle(&mut dice, &mut events);
    while !events.is_empty() {
        let source = dice.below(3) as usize;
        let size = 1 + dice.below(40) as usize;
        let (batch, rest): (Vec<_>, Vec<_>) = events
            .into_iter()
            .enumerate()
            .partition(|(at, event)| event.source() == source && *at < size * 3);
        events = rest.into_iter().map(|(_, event)| event).collect();
        if batch.is_empty() {
            continue;
        }
        let lines: Vec<String> = batch.iter().map(|(_, event)| event.json()).collect();
        feeds[source].commit(&lines).await;
        for (_, event) in &batch {
            model.take(event);
        }
        model.assert_kept(&engine, &format!("{} events left", events.len())).await;
    }
    engine.assert_fold_is_rebuild().await;
    let (_, system) = engine.model().await;
    for derived in &system.derived {
        fine(rebuild_derived(&engine.client, &system, derived).await);
    }
    model.assert_kept(&engine, "after a rebuild").await;
}

pub fn accepting(system: &str) -> String {
    system.replace("key = [\"id\"]", "key = [\"id\"]\naccept = { future = \"10 years\" }")
}

pub fn shuffle<T>(dice: &mut Dice, items: &mut [T]) {
    for at in (1..items.len()).rev() {
        items.swap(at, dice.below(at as u64 + 1) as usize);
    }
}

#[tokio::test]
async fn a_wrong_row_is_found_and_mended_and_a_state_takes_its_dependants_along() {
    let engine = Engine::applied(TABLES, &accepting(SYSTEM)).await;
    let mut dice = Dice(7);
    let mut feeds = feeds(&engine).await;
    let mut model = Model::default();
    for id in 0..80 {
        let event = Event::random(&mut dice, id);
        feeds[event.source()].commit(&[event.json()]).await;
        model.take(&event);
    }
    engine.run("update pairs set cap = cap + 1 where p = 'is'").await;
    let wrong: Vec<_> = engine.proofs().await.into_iter().filter(|proof| !proof.holds()).collect();
    assert_eq!(wrong.len(), 1);
    assert_eq!((wrong[0].relation.as_str(), wrong[0].missing), ("pairs", wrong[0].surplus));
    assert!(wrong[0].keys[0].contains("\"p\":\"is\""), "{:?}", wrong[0].keys);
    // The state is wrong and with it what stands on it: one rebuild mends both.
    engine.run("update vaults set price = price + 1000; update pairs set cap = 0").await;
    engine.rebuild("vaults", 0).await;
    engine.assert_proved().await;
    model.assert_kept(&engine, "after the rebuild of a state").await;
}

#[tokio::test]
async fn derived_rollups_are_made_changed_and_dropped_over_rows() {
    let base = SYSTEM.split("[rollups.sums]").next().unwrap();
    let mut engine = Engine::applied(TABLES, &accepting(base)).await;
    let mut dice = Dice(3);
    let mut before = feeds(&engine).await;
    let mut model = Model::default();
    for id in 0..120 {
        let event = Event::random(&mut dice, id);
        before[event.source()].commit(&[event.json()]).await;
        model.take(&event);
    }
    engine.text = accepting(SYSTEM).replace("{db}", engine.db.name());
    engine.apply().await;
    model.assert_kept(&engine, "made over rows").await;
    // A writer that knows nothing of them stops.
    let event = Event::random(&mut dice, 500);
    let stopped = before[event.source()].try_commit(&[event.json()]).await.unwrap_err();
    assert!(stopped.report().contains("HD0402"), "{}", stopped.report());
    // The index by which a lookup finds the holdings is there, with the rest of their key, which
    // begins with the account.
    let found: i64 = engine
        .one(
            "select count(*) from pg_indexes where tablename = 'holdings' \
             and indexdef like '%(term, account, curve)'",
        )
        .await;
    assert_eq!(found, 1);

    // What a state keeps changes, and a measure and a key of derived rollups.
    let changed = engine.text.clone();
    engine.text = changed
        .replace("/ 1e3)", "/ 1e3) * 2")
        .replace("held = \"sum(holdings.held)\"", "most = \"sum(holdings.held * 2)\"")
        .replace("by = [\"triple\", \"curve\"]", "by = [\"triple\"]");
    engine.apply().await;
    engine.assert_proved().await;
    let doubled: bool = engine
        .one(
            "select (select sum(cap) from sums) = \
             (select sum(2 * round(price * shares / 1e3)) from vaults)",
        )
        .await;
    assert!(doubled);
    engine.text = changed;
    engine.apply().await;
    model.assert_kept(&engine, "changed back").await;

    engine.text = engine.text.split("[rollups.pairs]").next().unwrap().to_owned();
    assert!(engine.try_apply(&[]).await.is_err());
    engine.apply_allowing(&["retire pairs"]).await;
    let gone: bool = engine.one("select to_regclass('pairs') is null").await;
    assert!(gone);
    let mut after = feeds(&engine).await;
    after[event.source()].restart_at(before[event.source()].place());
    after[event.source()].commit(&[event.json()]).await;
    engine.assert_proved().await;
}

#[tokio::test]
async fn tenants_see_their_rows_of_derived_rollups() {
    let tables = "create table moves (tenant_id int not null, at timestamptz not null, \
        id bigint not null, k text not null, v numeric not null, unique (tenant_id, id, at));";
    let system = "[system]\nname = \"{db}\"\n[tenants]\ncolumn = \"tenant_id\"\n[streams.moves]\n\
        time = \"at\"\nkey = [\"id\"]\n[sources.moves]\nfile = \"m\"\ninto = \"moves\"\n\
        [rollups.balances]\nfrom = \"moves\"\nby = [\"k\"]\nv = \"sum(v)\"\n\
        [rollups.totals]\nof = \"balances\"\nv = \"sum(balances.v)\"\nn = \"count(balances)\"\n";
    let engine = Engine::applied(tables, system).await;
    let mut feed = engine.feed("moves").await;
    let event = |id: u64, tenant: u64, k: &str| {
        format!(
            "{{\"tenant_id\": {tenant}, \"id\": {id}, \"at\": \"2026-01-01T00:00:00Z\", \
             \"k\": \"{k}\", \"v\": {id}}}"
        )
    };
    feed.commit(&[event(1, 1, "a"), event(2, 1, "b"), event(3, 2, "a")]).await;
    assert_eq!(engine.table("totals").await, ["(1,2,3,2)", "(2,1,3,1)"]);
    let forced: bool =
        engine.one("select relforcerowsecurity from pg_class where oid = 'totals'::regclass").await;
    assert!(forced);
    let policies: BTreeSet<String> = engine
        .texts("select policyname::text from pg_policies where tablename = 'totals'")
        .await
        .into_iter()
        .collect();
    assert!(policies.contains("howdah_tenant"), "{policies:?}");
}

#[tokio::test]
async fn numbers_that_cannot_be_taken_away_again_count_as_none() {
    let tables = "create table moves (at timestamptz not null, id bigint not null, \
        k text not null, g text not null, v float8, n numeric, small smallint, big bigint, \
        unique (id, at));";
    let system = "[system]\nname = \"{db}\"\n[streams.moves]\ntime = \"at\"\nkey = [\"id\"]\n\
        [sources.moves]\nfile = \"m\"\ninto = \"moves\"\n[rollups.latest]\nfrom = \"moves\"\n\
        by = [\"k\"]\ng = \"last(g)\"\nv = \"last(v)\"\nn = \"last(n)\"\nsmall = \"last(small)\"\n\
        big = \"last(big)\"\n[rollups.totals]\nof = [\"latest\"]\nby = [\"g\"]\n\
        v = \"sum(latest.v)\"\nn = \"sum(latest.n)\"\nsmall = \"sum(latest.small)\"\n\
        big = \"sum(latest.big)\"\nknown = \"count(latest.v)\"\n";
    let engine = Engine::applied(tables, system).await;
    let mut feed = engine.feed("moves").await;
    let event = |id: u64, k: &str, v: &str, small: i64, big: i64| {
        format!(
            "{{\"id\": {id}, \"at\": \"2026-01-01T00:00:{id:02}Z\", \"k\": \"{k}\", \
             \"g\": \"x\", \"v\": {v}, \"n\": {v}, \"small\": {small}, \"big\": {big}}}"
        )
    };
    feed.commit(&[
        event(1, "a", "\"NaN\"", -32768, i64::MIN),
        event(2, "b", "\"Infinity\"", -32768, i64::MAX),
        event(3, "c", "null", 1, 1),
    ])
    .await;
    assert_eq!(engine.table("totals").await, ["(x,3,0,0,-65535,0,2)"]);
    feed.commit(&[event(4, "a", "1.5", 32767, 0), event(5, "b", "-0.25", 0, i64::MIN)]).await;
    assert_eq!(
        engine.table("totals").await,
        [format!("(x,3,1.25,1.25,32768,{},2)", i128::from(i64::MIN) + 1)]
    );
    engine.assert_fold_is_rebuild().await;
}

#[tokio::test]
async fn an_event_that_fails_a_derived_rollup_goes_alone() {
    let tables = "create table moves (at timestamptz not null, id bigint not null, \
        k text not null, n int not null, unique (id, at));";
    let system = "[system]\nname = \"{db}\"\n[streams.moves]\ntime = \"at\"\nkey = [\"id\"]\n\
        [sources.moves]\nfile = \"m\"\ninto = \"moves\"\n[rollups.latest]\nfrom = \"moves\"\n\
        by = [\"k\"]\nn = \"last(n)\"\n[rollups.shares]\nof = \"latest\"\nby = [\"n\"]\n\
        s = \"sum(60 / latest.n)\"\n";
    let engine = Engine::applied(tables, system).await;
    let mut feed = engine.feed("moves").await;
    let event = |id: u64, k: &str, n: i64| {
        format!(
            "{{\"id\": {id}, \"at\": \"2026-01-01T00:00:{id:02}Z\", \"k\": \"{k}\", \"n\": {n}}}"
        )
    };
    let events = [event(1, "a", 3), event(2, "b", 0), event(3, "c", 4), event(4, "a", 5)];
    let outcome = feed.commit(&events).await;
    assert_eq!((outcome.rows, outcome.dead_letters), (3, 1));
    assert_eq!(engine.table("shares").await, ["(4,1,15)", "(5,1,12)"]);
    let letters = engine.texts("select code from howdah.dead_letters").await;
    assert_eq!(letters, ["22012"]);
    feed.commit(&[event(5, "c", 5)]).await;
    assert_eq!(engine.table("shares").await, ["(5,2,24)"]);
    engine.assert_fold_is_rebuild().await;
}
