//! Events taken back by reversals: after every commit the tables equal a computation from all
//! events, in whatever order and cut they come.

use std::collections::{BTreeMap, BTreeSet};

use crate::derived::shuffle;
use crate::engine::Engine;
use crate::rollups::Dice;

const TABLE: &str = "
create table moves (
    at timestamptz not null, id bigint not null, account text not null, grade int not null,
    amount bigint not null, side text not null, reverses bigint, unique (id, at)
);
";

const SYSTEM: &str = r#"
[system]
name = "{db}"
[streams.moves]
time = "at"
key = ["id"]
accept = { future = "10 years" }
reverses = { id = "reverses" }
[sources.moves]
file = "m.ndjson"
into = "moves"
map = { at = { field = "at", as = "epoch s" } }
[rollups.accounts]
from = "moves"
by = ["account"]
balance = "sum(amount)"
n = "count(*)"
least = "min(amount)"
most = "max(amount)"
grade = "last(grade)"
double = "balance * 2"
[rollups.credits]
from = "moves"
by = ["account"]
where = "amount > 0"
total = "sum(amount)"
[rollups.hourly]
from = "moves"
every = ["1 hour", "1 day"]
timezone = "Europe/Berlin"
by = ["account"]
sum = "sum(amount)"
open = "first(amount)"
high = "max(amount)"
[rollups.traders]
from = "moves"
by = ["account"]
position = { side = "side", quantity = "abs(amount)", price = "grade + 1" }
[rollups.grades]
of = ["accounts", "credits"]
by = ["grade"]
through = "accounts"
balance = "sum(accounts.balance)"
accounts = "count(accounts)"
credit = "sum(credits.total)"
"#;

#[derive(Clone)]
struct Move {
    id: i64,
    at: i64,
    account: &'static str,
    grade: i64,
    amount: i64,
    reverses: Option<i64>,
}

impl Move {
    fn json(&self) -> String {
        let Self { id, at, account, grade, amount, reverses } = self;
        let reverses = reverses.map_or("null".to_owned(), |id| id.to_string());
        let side = if *amount < 0 { "sell" } else { "buy" };
        format!(
            "{{\"id\": {id}, \"at\": {at}, \"account\": \"{account}\", \"grade\": {grade}, \
             \"amount\": {amount}, \"side\": \"{side}\", \"reverses\": {reverses}}}"
        )
    }
}

fn moves(dice: &mut Dice, count: i64) -> Vec<Move> {
    let mut out: Vec<Move> = Vec::new();
    for id in 0..count {
        let base = out.get(dice.below(count as u64) as usize).cloned();
        // A reversal names an event of any time, sometimes one that never comes.
        let reverses = match dice.below(6) {
            0 => Some(base.map_or(count + 7, |base| base.id)),
            _ => None,
        };
        out.push(Move {
            id,
            at: 1_774_000_000 + dice.below(60) as i64 * 3000,
            account: ["ada", "bob", "eve"][dice.below(3) as usize],
            grade: dice.below(3) as i64,
            amount: dice.below(100) as i64 - 40,
            reverses,
        });
    }
    out
}

/// The events that count: those that came, reverse none and are reversed by none.
fn live(came: &BTreeMap<i64, Move>) -> Vec<Move> {
    let reversed: BTreeSet<i64> = came.values().filter_map(|it| it.reverses).collect();
    let counts = |it: &&Move| it.reverses.is_none() && !reversed.contains(&it.id);
    came.values().filter(counts).cloned().collect()
}

fn accounts(live: &[Move]) -> BTreeMap<&'static str, Vec<&Move>> {
    let mut out: BTreeMap<&'static str, Vec<&Move>> = BTreeMap::new();
    for it in live {
        out.entry(it.account).or_default().push(it);
    }
    for moves in out.values_mut() {
        moves.sort_by_key(|it| (it.at, it.id));
    }
    out
}

async fn assert_kept(engine: &Engine, came: &BTreeMap<i64, Move>, when: &str) {
    assert_kept_in("moves", engine, came, when).await;
}

/// The same, where `all` has all events.
async fn assert_kept_in(all: &str, engine: &Engine, came: &BTreeMap<i64, Move>, when: &str) {
    let live = live(came);
    let by_account = accounts(&live);
    let mut expected = Vec::new();
    let mut grades: BTreeMap<i64, (i64, i64, i64, i64)> = BTreeMap::new();
    for (account, moves) in &by_account {
        let amounts = || moves.iter().map(|it| it.amount);
        let (sum, grade) = (amounts().sum::<i64>(), moves.last().unwrap().grade);
        expected.push(format!(
            "({account},{sum},{},{},{},{grade},{})",
            moves.len(),
            amounts().min().unwrap(),
            amounts().max().unwrap(),
            sum * 2,
        ));
        let entry = grades.entry(grade).or_default();
        let credit: i64 = amounts().filter(|amount| *amount > 0).sum();
        let credits = i64::from(amounts().any(|amount| amount > 0));
        *entry = (entry.0 + 1 + credits, entry.1 + sum, entry.2 + 1, entry.3 + credit);
    }
    let rows = "select (account, balance, n, least, most, grade, double)::text from accounts \
                order by 1";
    assert_eq!(engine.texts(rows).await, expected, "{when}: accounts");
    let expected: Vec<String> = grades
        .iter()
        .map(|(grade, (rows, sum, count, credit))| {
            format!("({grade},{rows},{sum},{count},{credit})")
        })
        .collect();
    let rows =
        "select (grade, howdah_rows, balance, accounts, credit)::text from grades order by 1";
    assert_eq!(engine.texts(rows).await, expected, "{when}: grades");

    let mut hours: BTreeMap<(&str, i64), Vec<&Move>> = BTreeMap::new();
    for (account, moves) in &by_account {
        for it in moves {
            hours.entry((account, it.at / 3600 * 3600)).or_default().push(it);
        }
    }
    let expected: Vec<String> = hours
        .iter()
        .map(|((account, hour), moves)| {
            let sum: i64 = moves.iter().map(|it| it.amount).sum();
            let high = moves.iter().map(|it| it.amount).max().unwrap();
            format!("({account},{hour},{sum},{},{high})", moves[0].amount)
        })
        .collect();
    let rows = "select (account, extract(epoch from bucket)::bigint, sum, open, high)::text \
                from hourly_1h order by account, bucket";
    assert_eq!(engine.texts(rows).await, expected, "{when}: hours");
    let stored = live.len() as i64;
    let count = format!("select count(*) from {all}");
    assert_eq!(engine.one::<i64>(&count).await, stored, "{when}");
    let retracted: i64 = engine.one("select count(*) from moves_retracted").await;
    assert_eq!(retracted, came.len() as i64 - stored, "{when}: retracted");
}

#[tokio::test]
async fn a_reversed_event_counts_nowhere_whatever_comes_first() {
    let engine = Engine::applied(TABLE, SYSTEM).await;
    for seed in [1, 2] {
        engine.run("truncate moves, moves_retracted; delete from howdah.positions").await;
        engine.rebuild_all().await;
        let mut dice = Dice(seed);
        let mut feed = engine.feed("moves").await;
        let mut events = moves(&mut dice, 220);
        for again in 0..40 {
            events.push(events[again * 5].clone());
        }
        shuffle(&mut dice, &mut events);
        let mut came = BTreeMap::new();
        while !events.is_empty() {
            let size = (1 + dice.below(50) as usize).min(events.len());
            let batch: Vec<Move> = events.drain(..size).collect();
            let known = came.len();
            came.extend(batch.iter().map(|it| (it.id, it.clone())));
            let lines: Vec<String> = batch.iter().map(Move::json).collect();
            let outcome = feed.commit(&lines).await;
            let new = (came.len() - known) as u64;
            assert_eq!((outcome.rows, outcome.duplicates), (new, size as u64 - new));
            assert_kept(&engine, &came, &format!("seed {seed}, {} left", events.len())).await;
            engine.assert_proved().await;
        }
        engine.assert_fold_is_rebuild().await;
        let proofs = {
            let (_, system) = engine.model().await;
            crate::engine::fine(howdah_upkeep::verify::positions(&engine.client, &system).await)
        };
        assert!(proofs.iter().all(|proof| proof.problems.is_empty()), "{proofs:?}");
    }
}

/// The same while chunks are folded again and again: what is taken back, repeated or late is found
/// in segments, and values are computed anew from both.
#[tokio::test]
async fn a_reversed_event_counts_nowhere_when_it_is_folded() {
    let system = SYSTEM.replace(
        "reverses = {",
        "segment = { after = \"1 day\", by = [\"account\"] }\nreverses = {",
    );
    let engine = Engine::applied(TABLE, &system).await;
    let mut dice = Dice(3);
    let mut feed = engine.feed("moves").await;
    let mut events = moves(&mut dice, 120);
    for again in 0..20 {
        events.push(events[again * 5].clone());
    }
    shuffle(&mut dice, &mut events);
    let (mut came, mut folded) = (BTreeMap::new(), 0);
    while !events.is_empty() {
        let size = (1 + dice.below(30) as usize).min(events.len());
        let batch: Vec<Move> = events.drain(..size).collect();
        let known = came.len();
        came.extend(batch.iter().map(|it| (it.id, it.clone())));
        let lines: Vec<String> = batch.iter().map(Move::json).collect();
        let outcome = feed.commit(&lines).await;
        let new = (came.len() - known) as u64;
        assert_eq!((outcome.rows, outcome.duplicates), (new, size as u64 - new));
        let when = format!("{} left", events.len());
        assert_kept_in("moves_history", &engine, &came, &when).await;
        if dice.below(2) == 0 {
            folded += engine.fold_chunks().await;
            assert_kept_in("moves_history", &engine, &came, &when).await;
        }
    }
    engine.fold_chunks().await;
    assert!(folded > 0 && engine.one::<i64>("select count(*) from moves").await == 0);
    engine.assert_fold_is_rebuild().await;
}

/// What is taken back is the event as it came first, and each is counted once.
#[tokio::test]
async fn an_event_that_comes_again_together_with_its_reversal_is_a_duplicate() {
    let engine = Engine::applied(TABLE, SYSTEM).await;
    let mut feed = engine.feed("moves").await;
    let mut event = moves(&mut Dice(1), 1).remove(0);
    event.reverses = None;
    let again = Move { amount: event.amount + 1, ..event.clone() };
    let back = Move { id: 9, reverses: Some(event.id), at: event.at + 9, ..event.clone() };
    feed.commit(&[event.json()]).await;
    let outcome = feed.commit(&[again.json(), back.json()]).await;
    assert_eq!((outcome.rows, outcome.duplicates), (1, 1));
    let outcome = feed.commit(&[back.json(), event.json(), again.json()]).await;
    assert_eq!((outcome.rows, outcome.duplicates), (0, 3));
    assert_eq!(
        engine.texts("select (cause, id, amount)::text from moves_retracted order by 1").await,
        [
            format!("(reversal,9,{})", event.amount),
            format!("(reversed,{},{})", event.id, event.amount)
        ]
    );
    let (_, system) = engine.model().await;
    let proofs = howdah_upkeep::verify::positions(&engine.client, &system).await;
    let proofs = crate::engine::fine(proofs);
    assert!(proofs.iter().all(|proof| proof.problems.is_empty()), "{proofs:?}");
    engine.assert_fold_is_rebuild().await;
}

#[tokio::test]
async fn an_account_keeps_the_applications_columns_when_its_events_are_gone() {
    let engine = Engine::new(TABLE, SYSTEM).await;
    engine.run("create table accounts (account text primary key, note text default 'none')").await;
    engine.apply().await;
    let mut feed = engine.feed("moves").await;
    let mut event = moves(&mut Dice(1), 1).remove(0);
    (event.account, event.reverses) = ("ada", None);
    feed.commit(&[event.json()]).await;
    engine.run("update accounts set note = 'kept'").await;
    let back = Move { id: 9, reverses: Some(event.id), at: event.at + 9, ..event.clone() };
    feed.commit(&[back.json()]).await;
    let rows = "select (account, note, balance, n, least, double)::text from accounts";
    assert_eq!(engine.texts(rows).await, ["(ada,kept,,0,,)"]);
    assert_eq!(
        engine.texts("select cause || ' ' || id from moves_retracted order by 1").await,
        ["reversal 9".to_owned(), format!("reversed {}", event.id)]
    );
    engine.assert_fold_is_rebuild().await;
}

/// One by one: what stands, what is refused, and what may come later.
#[derive(Default)]
struct Judge {
    live: BTreeMap<i64, Move>,
    known: BTreeSet<i64>,
    reversed: BTreeSet<i64>,
    refused: Vec<i64>,
}

impl Judge {
    fn balance(&self, account: &str) -> i64 {
        let of = self.live.values().filter(|it| it.account == account);
        of.map(|it| it.amount).sum()
    }

    fn take(&mut self, event: &Move) {
        if self.known.contains(&event.id) {
            return;
        }
        if let Some(target) = event.reverses {
            let amount = self.live.get(&target).map(|it| (it.account, it.amount));
            if amount.is_some_and(|(account, amount)| self.balance(account) - amount < 0) {
                self.refused.push(event.id);
                return;
            }
            self.live.remove(&target);
            self.reversed.insert(target);
        } else if !self.reversed.contains(&event.id) {
            if self.balance(event.account) + event.amount < 0 {
                self.refused.push(event.id);
                return;
            }
            self.live.insert(event.id, event.clone());
        }
        self.known.insert(event.id);
    }
}

#[tokio::test]
async fn reversals_are_judged_in_stream_order_whatever_the_cuts() {
    let system = SYSTEM.split("[rollups.accounts]").next().unwrap().to_owned()
        + "[rollups.accounts]\nfrom = \"moves\"\nby = [\"account\"]\nbalance = \"sum(amount)\"\n\
           check = \"balance >= 0\"\n[rollups.all]\nof = \"accounts\"\nby = [\"balance\"]\n\
           n = \"count(accounts)\"\n";
    let mut dice = Dice(77);
    let mut events = moves(&mut dice, 150);
    for event in &mut events {
        event.amount -= 15;
    }
    for again in 0..30 {
        events.push(events[again * 4].clone());
    }
    let mut judge = Judge::default();
    for event in &events {
        judge.take(event);
    }
    assert!(judge.refused.len() > 10, "the test must refuse some: {}", judge.refused.len());
    let mut expected: Vec<String> = Vec::new();
    let accounts: BTreeSet<&str> = judge.live.values().map(|it| it.account).collect();
    for account in accounts {
        expected.push(format!("({account},{})", judge.balance(account)));
    }
    for most in [1, 7, 400] {
        let engine = Engine::applied(TABLE, &system).await;
        let mut feed = engine.feed("moves").await;
        let mut at = 0;
        while at < events.len() {
            let size = (1 + dice.below(most) as usize).min(events.len() - at);
            let lines: Vec<String> = events[at..at + size].iter().map(Move::json).collect();
            feed.commit(&lines).await;
            engine.assert_proved().await;
            at += size;
        }
        let kept = engine.texts("select a::text from accounts a order by 1").await;
        assert_eq!(kept, expected, "batches of at most {most}");
        let letters: Vec<i64> = engine
            .texts(
                "select convert_from(payload, 'UTF8')::jsonb ->> 'id' from howdah.dead_letters \
                    where code = 'check_refused' order by id",
            )
            .await
            .iter()
            .map(|id| id.parse().unwrap())
            .collect();
        assert_eq!(letters, judge.refused, "batches of at most {most}");
        engine.assert_fold_is_rebuild().await;
    }
}

#[tokio::test]
async fn an_event_of_a_known_key_with_another_content_is_refused() {
    let system = SYSTEM.replace("reverses = {", "conflict = \"refuse\"\nreverses = {");
    let engine = Engine::applied(TABLE, &system).await;
    let mut feed = engine.feed("moves").await;
    let event = Move { reverses: None, ..moves(&mut Dice(4), 1).remove(0) };
    let other = Move { amount: event.amount + 1, ..event.clone() };
    let second = Move { id: 2, ..event.clone() };
    let clash = Move { grade: 9, ..second.clone() };
    feed.commit(&[event.json()]).await;
    let outcome = feed
        .commit(&[event.json(), other.json(), second.json(), clash.json(), second.json()])
        .await;
    assert_eq!((outcome.rows, outcome.duplicates, outcome.dead_letters), (1, 2, 2));
    assert_eq!(
        engine.texts("select code || ' ' || stream from howdah.dead_letters").await,
        ["conflicting_content moves", "conflicting_content moves"]
    );
    let kept: i64 = engine.one("select sum(amount)::bigint from moves").await;
    assert_eq!(kept, event.amount * 2);
    engine.assert_proved().await;
}

const SUMS_TABLE: &str = "
create table sales (
    at timestamptz not null, id bigint not null, account text not null, kind text not null,
    amount numeric, reverses bigint, unique (id, at)
);
";

const SUMS: &str = r#"
[system]
name = "{db}"
[streams.sales]
time = "at"
key = ["id"]
accept = { future = "10 years" }
reverses = { id = "reverses" }
[sources.sales]
file = "s.ndjson"
into = "sales"
map = { at = { field = "at", as = "epoch s" } }
[rollups.totals]
from = "sales"
by = ["account"]
n = "count(*)"
valued = "count(amount)"
total = "sum(amount)"
mean = "avg(amount)"
refunds = "count(*) filter (where kind = 'refund')"
refunded = "sum(coalesce(amount, 0)) filter (where kind = 'refund')"
[rollups.daily]
from = "sales"
every = ["1 day"]
by = ["account", "kind"]
n = "count(*)"
total = "sum(coalesce(amount, 0))"
[rollups.kinds]
of = ["totals"]
by = ["account"]
accounts = "count(totals) filter (where totals.refunds > 0)"
total = "sum(totals.total)"
"#;

/// Counts, and sums beside a count of what they sum, are taken away from: nothing of the stream is
/// read, so it has no index by their keys. Sums without a value are null again, and those that were
/// no number are computed anew.
#[tokio::test]
async fn what_can_be_subtracted_needs_no_index() {
    let engine = Engine::applied(SUMS_TABLE, SUMS).await;
    let indexes = "select count(*) from pg_indexes where tablename = 'sales'";
    assert_eq!(engine.one::<i64>(indexes).await, 1);
    let mut dice = Dice(11);
    let mut feed = engine.feed("sales").await;
    let (mut taken, mut odd, mut better) = (0, 0, 0);
    for round in 0..60 {
        let mut lines = Vec::new();
        for n in 0..=dice.below(6) {
            let id = round * 10 + n as i64;
            let reverses = match dice.below(2) {
                0 if round > 0 => dice.below(round as u64 * 10).to_string(),
                _ => "null".to_owned(),
            };
            let amount = ["null", "\"NaN\"", "\"12.50\"", "\"-3\"", "\"0\"", "\"7.125\""];
            lines.push(format!(
                "{{\"id\": {id}, \"at\": {}, \"account\": \"{}\", \"kind\": \"{}\", \
                 \"amount\": {}, \"reverses\": {reverses}}}",
                1_774_000_000 + dice.below(9) * 30_000,
                ["ada", "bob", "eve"][dice.below(3) as usize],
                ["sale", "refund"][dice.below(2) as usize],
                amount[dice.below(6) as usize],
            ));
        }
        feed.commit(&lines).await;
        engine.assert_proved().await;
        taken = engine.one::<i64>("select count(*) from sales_retracted").await;
        let now = "select count(*) from daily_1d where total = 'NaN'";
        let now = engine.one::<i64>(now).await;
        better += i64::from(now < odd);
        odd = now;
    }
    assert!(taken > 60, "{taken}");
    assert!(better > 0, "no sum became a number again");
    engine.assert_fold_is_rebuild().await;
}
