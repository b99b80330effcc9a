//! Blocks that are replaced, and markers that take blocks back: after every commit the tables equal
//! a model that is told one event at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use howdah_testkit::wait_until;

use crate::engine::{Engine, Feed};
use crate::rollups::Dice;

const TABLES: &str = "
create table deposits (
    chain int not null, block bigint not null, hash text not null, tx text not null,
    log int not null, at timestamptz not null, account text not null, amount numeric not null,
    unique (chain, block, hash, tx, log, at)
);
create table prices (
    chain int not null, block bigint not null, hash text not null, tx text not null,
    log int not null, at timestamptz not null, account text not null, amount numeric not null,
    unique (chain, block, hash, tx, log, at)
);
create table reorgs (
    chain int not null, fork bigint not null, id int not null, at timestamptz not null,
    unique (chain, fork, id, at)
);
";

const SYSTEM: &str = r#"
[system]
name = "{db}"
[streams.deposits]
time = "at"
key = ["chain", "block", "hash", "tx", "log"]
order = ["block", "log"]
[streams.prices]
time = "at"
key = ["chain", "block", "hash", "tx", "log"]
order = ["block", "log"]
[streams.reorgs]
time = "at"
key = ["chain", "fork", "id"]
[sources.chain]
file = "c.ndjson"
map = { at = { field = "at", as = "epoch s" } }
[[sources.chain.routes]]
when = { kind = "deposit" }
into = "deposits"
[[sources.chain.routes]]
when = { kind = "price" }
into = "prices"
[[sources.chain.routes]]
when = { kind = "reorg" }
into = "reorgs"
[reorganisations.chain]
streams = ["deposits", "prices"]
scope = ["chain"]
block = "block"
hash = "hash"
depth = 12
once = ["tx"]
marker = { stream = "reorgs", fork = "fork" }
[rollups.holdings]
from = "deposits"
by = ["account"]
total = "sum(amount)"
n = "count(*)"
largest = "max(amount)"
block = "last(block)"
[rollups.rates]
from = "prices"
by = ["account"]
price = "last(amount)"
[rollups.daily]
from = "deposits"
every = "1 day"
total = "sum(amount)"
least = "min(amount)"
[rollups.worth]
of = ["holdings", "rates"]
by = ["account"]
total = "sum(holdings.total)"
price = "sum(rates.price)"
"#;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// Deposit or price, block, hash, transaction, log, amount; the account follows from the log.
    Log {
        deposit: bool,
        block: i64,
        hash: String,
        tx: String,
        log: i64,
        amount: i64,
    },
    Marker {
        fork: i64,
        id: i64,
    },
}

/// What orders the events of an account: block, log, hash, transaction.
type Order<'e> = (i64, i64, &'e str, &'e str);

const ACCOUNTS: [&str; 3] = ["ada", "bob", "eve"];

impl Event {
    fn json(&self) -> String {
        match self {
            Self::Log { deposit, block, hash, tx, log, amount } => {
                let kind = if *deposit { "deposit" } else { "price" };
                let at = 1_774_000_000 + block * 9000;
                let account = ACCOUNTS[*log as usize % 3];
                format!(
                    "{{\"kind\": \"{kind}\", \"chain\": 1, \"block\": {block}, \
                     \"hash\": \"{hash}\", \"tx\": \"{tx}\", \"log\": {log}, \"at\": {at}, \
                     \"account\": \"{account}\", \"amount\": {amount}}}"
                )
            }
            Self::Marker { fork, id } => format!(
                "{{\"kind\": \"reorg\", \"chain\": 1, \"fork\": {fork}, \"id\": {id}, \"at\": 9}}"
            ),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Live,
    Replaced,
    Suspended,
}

/// What the rules say, one event after the other.
#[derive(Default)]
struct Model {
    blocks: BTreeMap<(i64, String), State>,
    live: BTreeSet<Event>,
    retracted: BTreeSet<Event>,
    markers: BTreeSet<Event>,
    refused: usize,
}

impl Model {
    fn head(&self) -> i64 {
        self.blocks.keys().map(|(block, _)| *block).max().unwrap_or(i64::MIN)
    }

    fn state(&self, block: i64, hash: &str) -> Option<State> {
        self.blocks.get(&(block, hash.to_owned())).copied()
    }

    /// Takes the events of these blocks back; `false`: one is too deep, and nothing is done.
    fn lose(&mut self, going: &BTreeSet<(i64, String)>, state: State) -> bool {
        let head = self.head();
        if going.iter().any(|(block, _)| *block < head.saturating_sub(12)) {
            self.refused += 1;
            return false;
        }
        for block in going {
            self.blocks.insert(block.clone(), state);
        }
        let goes = |event: &Event| match event {
            Event::Log { block, hash, .. } => going.contains(&(*block, hash.clone())),
            Event::Marker { .. } => false,
        };
        let gone: Vec<Event> = self.live.iter().filter(|event| goes(event)).cloned().collect();
        for event in gone {
            self.live.remove(&event);
            self.retracted.insert(event);
        }
        true
    }

    fn take(&mut self, event: &Event) {
        match event {
            Event::Marker { fork, .. } => {
                if self.markers.contains(event) {
                    return;
                }
                let going: BTreeSet<(i64, String)> = self
                    .blocks
                    .iter()
                    .filter(|((block, _), state)| block >= fork && **state == State::Live)
                    .map(|(block, _)| block.clone())
                    .collect();
                if self.lose(&going, State::Suspended) {
                    self.markers.insert(event.clone());
                }
            }
            Event::Log { block, hash, tx, .. } => {
                if self.state(*block, hash) == Some(State::Replaced) {
                    self.retracted.insert(event.clone());
                    return;
                }
                let mut going: BTreeSet<(i64, String)> = BTreeSet::new();
                for ((number, other), state) in &self.blocks {
                    if number == block && other != hash && *state == State::Live {
                        going.insert((*number, other.clone()));
                    }
                }
                for known in &self.live {
                    if let Event::Log { block: b, hash: h, tx: t, .. } = known
                        && t == tx
                        && (b, h) != (block, hash)
                        && (b - block).abs() <= 12
                    {
                        going.insert((*b, h.clone()));
                    }
                }
                if !going.is_empty() {
                    // The suspended ones of the number end with the live one.
                    for ((number, other), state) in &self.blocks {
                        if number == block && other != hash && *state == State::Suspended {
                            going.insert((*number, other.clone()));
                        }
                    }
                    if !self.lose(&going, State::Replaced) {
                        return;
                    }
                }
                for ((number, other), state) in &mut self.blocks {
                    if number == block && other != hash && *state == State::Suspended {
                        *state = State::Replaced;
                    }
                }
                self.blocks.insert((*block, hash.clone()), State::Live);
                self.retracted.remove(event);
                self.live.insert(event.clone());
            }
        }
    }

    async fn assert_kept(&self, engine: &Engine, when: &str) {
        self.assert_kept_in(["deposits", "prices"], engine, when).await;
    }

    /// The same, where these relations have all events.
    async fn assert_kept_in(&self, all: [&str; 2], engine: &Engine, when: &str) {
        let mut holdings: BTreeMap<&str, Vec<(i64, i64, i64)>> = BTreeMap::new();
        let mut rates: BTreeMap<&str, (Order<'_>, i64)> = BTreeMap::new();
        for event in &self.live {
            let Event::Log { deposit, block, hash, tx, log, amount } = event else { continue };
            let account = ACCOUNTS[*log as usize % 3];
            if *deposit {
                holdings.entry(account).or_default().push((*block, *log, *amount));
            } else {
                let order = (*block, *log, hash.as_str(), tx.as_str());
                let rate = rates.entry(account).or_insert((order, *amount));
                if rate.0 < order {
                    *rate = (order, *amount);
                }
            }
        }
        let sum = |of: &[(i64, i64, i64)]| of.iter().map(|it| it.2).sum::<i64>();
        let expected: Vec<String> = holdings
            .iter()
            .map(|(account, of)| {
                let largest = of.iter().map(|it| it.2).max().unwrap();
                let block = of.iter().map(|it| it.0).max().unwrap();
                format!("({account},{},{},{largest},{block})", sum(of), of.len())
            })
            .collect();
        let rows =
            "select (account, total, n, largest, block)::text from holdings order by account";
        assert_eq!(engine.texts(rows).await, expected, "{when}: holdings");
        let accounts: BTreeSet<&&str> = holdings.keys().chain(rates.keys()).collect();
        let expected: Vec<String> = accounts
            .iter()
            .map(|account| {
                let total = holdings.get(**account).map_or(0, |of| sum(of));
                let price = rates.get(**account).map_or(0, |rate| rate.1);
                format!("({account},{total},{price})")
            })
            .collect();
        let rows = "select (account, total, price)::text from worth order by account";
        assert_eq!(engine.texts(rows).await, expected, "{when}: worth");
        let [a, b] = all;
        let all = format!("select (select count(*) from {a}) + (select count(*) from {b})");
        for (sql, expected) in [
            (all.as_str(), &self.live),
            (
                "select (select count(*) from deposits_retracted) \
                 + (select count(*) from prices_retracted)",
                &self.retracted,
            ),
            ("select count(*) from reorgs", &self.markers),
        ] {
            let count: i64 = engine.one(sql).await;
            assert_eq!(count, expected.len() as i64, "{when}: {sql}");
        }
        let letters: i64 = engine
            .one("select count(*) from howdah.dead_letters where code = 'reorg_too_deep'")
            .await;
        assert_eq!(letters, self.refused as i64, "{when}: letters");
    }
}

fn log(deposit: bool, block: i64, hash: &str, tx: &str, log: i64, amount: i64) -> Event {
    Event::Log { deposit, block, hash: hash.to_owned(), tx: tx.to_owned(), log, amount }
}

/// A chain that forks now and then, delivered with repeats, late and out of order.
fn story(dice: &mut Dice) -> Vec<Event> {
    let mut out: Vec<Event> = Vec::new();
    let mut block = 100;
    let mut fork = 0;
    for _ in 0..110 {
        match dice.below(12) {
            0 => {
                // Some blocks back, and another branch from there.
                fork += 1;
                block -= dice.below(14) as i64;
            }
            1 => {
                let marker =
                    Event::Marker { fork: block - dice.below(9) as i64, id: dice.below(4) as i64 };
                out.push(marker);
            }
            2 | 3 if !out.is_empty() => {
                let again = out[dice.below(out.len() as u64) as usize].clone();
                out.push(again);
            }
            _ => block += 1,
        }
        for _ in 0..dice.below(3) {
            let number = dice.below(1000) as i64;
            // A transaction may be mined again in another block.
            let tx = if dice.below(8) == 0 { dice.below(6) as i64 } else { number + 10 };
            let (hash, deposit) = (format!("{block}/{fork}"), dice.below(2) == 0);
            let tx = format!("tx{tx}");
            out.push(log(deposit, block, &hash, &tx, number % 9, dice.below(500) as i64));
        }
        if dice.below(3) == 0 && out.len() > 4 {
            let (a, b) = (out.len() - 1 - dice.below(4) as usize, out.len() - 1);
            out.swap(a, b);
        }
    }
    out
}

#[tokio::test]
async fn a_replaced_block_is_gone_with_all_that_it_caused_whatever_the_cuts() {
    let (mut direct, mut staged) = (0, 0);
    for (seed, most) in [(5, 40), (6, 4), (7, 400), (8, 2), (9, 12)] {
        let engine = Engine::applied(TABLES, SYSTEM).await;
        let mut dice = Dice(seed);
        let mut feed = engine.feed("chain").await;
        let mut model = Model::default();
        let events = story(&mut dice);
        let mut at = 0;
        while at < events.len() {
            let size = (1 + dice.below(most) as usize).min(events.len() - at);
            let lines: Vec<String> = events[at..at + size].iter().map(Event::json).collect();
            feed.commit(&lines).await;
            for event in &events[at..at + size] {
                model.take(event);
            }
            at += size;
            model.assert_kept(&engine, &format!("seed {seed}, {at} events")).await;
        }
        assert!(!model.retracted.is_empty() && !model.live.is_empty());
        engine.assert_fold_is_rebuild().await;
        model.assert_kept(&engine, "after a rebuild").await;
        let ways = feed.writer.ways();
        (direct, staged) = (direct + ways.direct, staged + ways.staged);
    }
    assert!(direct > 50 && staged > 50, "quiet batches: {direct}, others: {staged}");
}

/// The same while chunks are folded: blocks that are replaced, and transactions that are mined again,
/// are found in segments.
#[tokio::test]
async fn a_replaced_block_is_gone_when_it_is_folded() {
    let segment = "segment = { after = \"1 day\", by = [\"account\"] }\n[streams.";
    let mut parts = SYSTEM.splitn(4, "[streams.");
    let system = [parts.next(), parts.next(), parts.next(), parts.next()].map(Option::unwrap);
    let system =
        format!("{}[streams.{}{segment}{}{segment}{}", system[0], system[1], system[2], system[3]);
    for (seed, most) in [(15, 12)] {
        let engine = Engine::applied(TABLES, &system).await;
        let mut dice = Dice(seed);
        let mut feed = engine.feed("chain").await;
        let mut model = Model::default();
        let events: Vec<Event> = story(&mut dice).into_iter().take(70).collect();
        let all = ["deposits_history", "prices_history"];
        let mut at = 0;
        while at < events.len() {
            let size = (1 + dice.below(most) as usize).min(events.len() - at);
            let lines: Vec<String> = events[at..at + size].iter().map(Event::json).collect();
            feed.commit(&lines).await;
            for event in &events[at..at + size] {
                model.take(event);
            }
            at += size;
            model.assert_kept_in(all, &engine, &format!("seed {seed}, {at} events")).await;
            if dice.below(4) == 0 {
                engine.fold_chunks().await;
                model.assert_kept_in(all, &engine, &format!("seed {seed}, {at} folded")).await;
            }
        }
        assert!(!model.retracted.is_empty() && !model.live.is_empty());
        engine.fold_chunks().await;
        engine.assert_fold_is_rebuild().await;
        model.assert_kept_in(all, &engine, "after a rebuild").await;
    }
}

#[tokio::test]
async fn a_reorganisation_is_told_over_rows_that_are_there() {
    let mut engine =
        Engine::applied(TABLES, SYSTEM.split("[reorganisations").next().unwrap()).await;
    let mut before = engine.feed("chain").await;
    before.commit(&[log(true, 10, "a", "t1", 3, 5).json()]).await;
    engine.text = SYSTEM.replace("{db}", engine.db.name());
    engine.apply().await;
    let mut feed = engine.feed("chain").await;
    feed.restart_at(before.place());
    // The same transaction in the next block: one event counts.
    feed.commit(&[log(true, 11, "b", "t1", 7, 5).json()]).await;
    let rows = "select (account, total, n)::text from holdings";
    assert_eq!(engine.texts(rows).await, ["(bob,5,1)"]);
    let cause = "select cause || ' ' || block from deposits_retracted";
    assert_eq!(engine.texts(cause).await, ["replaced 10"]);
    engine.assert_fold_is_rebuild().await;
}

#[tokio::test]
async fn of_two_hashes_of_a_block_that_come_at_once_one_stays() {
    let routes = SYSTEM.split("[sources.chain]").nth(1).unwrap();
    let routes = routes.split("[reorganisations").next().unwrap();
    let other = routes.replace("sources.chain", "sources.other");
    let text = format!("{SYSTEM}\n[sources.other]{other}");
    let engine = Engine::applied(TABLES, &text).await;
    let (mut a, mut b) = (engine.feed("chain").await, engine.feed("other").await);
    // The first batches of a session are alone.
    for block in 0..6 {
        a.commit(&[log(true, 10 + 2 * block, "a", &format!("a{block}"), 1, 5).json()]).await;
        b.commit(&[log(false, 11 + 2 * block, "a", &format!("b{block}"), 1, 5).json()]).await;
    }
    let beside = |feed: &Feed| feed.writer.ways().beside;
    assert!(beside(&a) > 0 && beside(&b) > 0, "{:?} {:?}", a.writer.ways(), b.writer.ways());
    let holder = engine.db.connect().await;
    holder.batch_execute("begin; select from howdah.positions for update").await.unwrap();
    let (one, two) = (log(true, 30, "x", "x", 1, 5).json(), log(false, 30, "y", "y", 1, 5).json());
    let release = async {
        let waiting = "select count(*) = 2 from pg_stat_activity \
                       where datname = current_database() and wait_event_type = 'Lock'";
        wait_until("both wait", Duration::from_secs(60), async || engine.one(waiting).await).await;
        holder.batch_execute("commit").await.unwrap();
    };
    let (one, two) = ([one], [two]);
    tokio::join!(a.commit(&one), b.commit(&two), release);
    let kept = "select (select count(*) from deposits where block = 30) \
                + (select count(*) from prices where block = 30)";
    assert_eq!(engine.one::<i64>(kept).await, 1, "the later hash took the place of the earlier");
    let taken = "select (select count(*) from deposits_retracted where block = 30) \
                 + (select count(*) from prices_retracted where block = 30)";
    assert_eq!(engine.one::<i64>(taken).await, 1);
    engine.assert_fold_is_rebuild().await;
}
