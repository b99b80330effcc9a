//! Random events in random batches: whatever the cuts, the outcome is that of one event at a time,
//! and that of a model written here.

use std::collections::{BTreeMap, HashSet};

use howdah_testkit::Cuts;

use crate::engine::{Engine, Feed};

const A: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const B: &str = "bbbbbbbb-0000-4000-8000-000000000002";

const TABLES: &str = "
create table tenants (id uuid primary key);
insert into tenants values ('aaaaaaaa-0000-4000-8000-000000000001'),
    ('bbbbbbbb-0000-4000-8000-000000000002');
create table moves (tenant_id uuid not null, id int not null, at timestamptz not null,
    account text not null, amount int not null constraint unlucky check (amount <> 13),
    price numeric(38,18) not null, primary key (tenant_id, id, at));
create table balances (tenant_id uuid not null, account text not null,
    credit_limit numeric not null default 0, primary key (tenant_id, account));
";

const SYSTEM: &str = r#"
[system]
name = "{db}"
[tenants]
column = "tenant_id"
table = "tenants"
[streams.moves]
time = "at"
key = ["id"]
chunk = "1 day"
accept = { past = "10 years" }
[sources.moves]
file = "moves.ndjson"
into = "moves"
[sources.moves.map]
at = { field = "at", as = "epoch s" }
[rollups.balances]
from = "moves"
by = ["account"]
balance = "sum(amount)"
moves = "count(*)"
check = "balance >= -credit_limit"
[rollups.sums]
from = "moves"
every = ["1 hour", "1 day"]
by = ["account"]
sum = "sum(amount)"
ups = "count(*) filter (where amount > 0)"
lo = "min(price)"
hi = "max(price)"
open = "first(price)"
close = "last(price)"
[rollups.holdings]
from = "moves"
by = ["account"]
where = "amount <> 0"
[rollups.holdings.position]
side = "case when amount > 0 then 'buy' else 'sell' end"
quantity = "abs(amount)"
price = "price"
fee = "1"
"#;

/// What the application set before any event: account `c` may go down to -50.
const LIMITS: &str = "insert into balances (tenant_id, account, credit_limit) \
    select id, 'c', 50 from tenants";

/// One event as it arrives.
#[derive(Debug, Clone)]
struct Event {
    text: String,
    parts: Option<Parts>,
}

#[derive(Debug, Clone)]
struct Parts {
    tenant: &'static str,
    id: u64,
    at: u64,
    account: &'static str,
    amount: i128,
    price: i128,
}

fn random_event(cuts: &mut Cuts) -> Event {
    if cuts.below(20) == 0 {
        let broken = ["{", "[1]", "", "{\"tenant_id\": 7}", "null", "{\"id\": 1, \"at\": 1}"];
        return Event { text: (*cuts.pick(&broken)).to_owned(), parts: None };
    }
    let tenant = match cuts.below(20) {
        0 => "cccccccc-0000-4000-8000-000000000003",
        n if n % 2 == 0 => A,
        _ => B,
    };
    let parts = Parts {
        tenant,
        id: cuts.below(60),
        // Around the end of a day, out of order.
        at: 1_762_300_800 - 5000 + cuts.below(10) * 1000,
        account: ["a", "b", "c"][cuts.below(3) as usize],
        amount: i128::from(cuts.below(60)) - 25,
        price: i128::from(cuts.below(9)) + 1,
    };
    let Parts { tenant, id, at, account, amount, price } = &parts;
    let text = format!(
        r#"{{"tenant_id": "{tenant}", "id": {id}, "at": {at}, "account": "{account}",
        "amount": {amount}, "price": {price}}}"#
    );
    Event { text, parts: Some(parts) }
}

/// Decimals of entry prices.
const SCALE: i128 = 1_000_000_000_000_000_000;

/// What the database should hold.
#[derive(Default)]
struct Model {
    known: HashSet<(String, u64, u64)>,
    accepted: Vec<Parts>,
    balances: BTreeMap<(String, String), (i128, i128)>,
    /// Position (from 1) and reason of each dead letter.
    dead: Vec<(usize, &'static str)>,
}

impl Model {
    fn run(events: &[Event]) -> Self {
        let mut model = Self::default();
        for (index, event) in events.iter().enumerate() {
            if let Some(reason) = model.take(event) {
                model.dead.push((index + 1, reason));
            }
        }
        model
    }

    fn take(&mut self, event: &Event) -> Option<&'static str> {
        let Some(parts) = &event.parts else { return Some("undecodable") };
        if parts.tenant != A && parts.tenant != B {
            return Some("unknown_tenant");
        }
        let broken = parts.amount == 13;
        let key = (parts.tenant.to_owned(), parts.id, parts.at);
        if self.known.contains(&key) {
            return broken.then_some("23514");
        }
        let account = (parts.tenant.to_owned(), parts.account.to_owned());
        let (balance, moves) = self.balances.get(&account).copied().unwrap_or_default();
        let limit = if parts.account == "c" { 50 } else { 0 };
        if balance + parts.amount < -limit {
            return Some("check_refused");
        }
        if broken {
            return Some("23514");
        }
        self.balances.insert(account, (balance + parts.amount, moves + 1));
        self.known.insert(key);
        self.accepted.push(parts.clone());
        None
    }

    /// `tenant account balance moves`.
    fn balances(&self) -> Vec<String> {
        let rows = self.balances.iter();
        rows.map(|((tenant, account), (balance, moves))| {
            format!("{tenant} {account} {balance} {moves}")
        })
        .collect()
    }

    /// The accepted events of each group, in stream order.
    fn groups(&self, width: u64) -> BTreeMap<(String, String, u64), Vec<&Parts>> {
        let mut groups: BTreeMap<_, Vec<&Parts>> = BTreeMap::new();
        for parts in &self.accepted {
            let key = (parts.tenant.to_owned(), parts.account.to_owned(), parts.at / width * width);
            groups.entry(key).or_default().push(parts);
        }
        for group in groups.values_mut() {
            group.sort_by_key(|parts| (parts.at, parts.id));
        }
        groups
    }

    /// `tenant account bucket sum ups lo hi open close`.
    fn sums(&self, width: u64) -> Vec<String> {
        let groups = self.groups(width);
        groups
            .iter()
            .map(|((tenant, account, bucket), group)| {
                let prices = group.iter().map(|parts| parts.price);
                format!(
                    "{tenant} {account} {bucket} {} {} {} {} {} {}",
                    group.iter().map(|parts| parts.amount).sum::<i128>(),
                    group.iter().filter(|parts| parts.amount > 0).count(),
                    prices.clone().min().unwrap(),
                    prices.max().unwrap(),
                    group[0].price,
                    group[group.len() - 1].price,
                )
            })
            .collect()
    }

    /// `tenant account quantity entry_price realised fees fills`, prices times `SCALE`.
    fn holdings(&self) -> Vec<String> {
        let groups = self.groups(u64::MAX);
        let mut out = Vec::new();
        for ((tenant, account, _), group) in &groups {
            let (mut quantity, mut entry, mut realised, mut fills) = (0_i128, 0_i128, 0_i128, 0);
            for parts in group.iter().filter(|parts| parts.amount != 0) {
                let (signed, price) = (parts.amount, parts.price * SCALE);
                fills += 1;
                if quantity == 0 || quantity.signum() == signed.signum() {
                    let all = quantity.abs() + signed.abs();
                    let worth = quantity.abs() * entry + signed.abs() * price;
                    entry = (2 * worth + all) / (2 * all);
                } else {
                    let closed = signed.abs().min(quantity.abs());
                    realised += (price - entry) * closed * quantity.signum();
                    if signed.abs() > quantity.abs() {
                        entry = price;
                    }
                }
                quantity += signed;
                if quantity == 0 {
                    entry = 0;
                }
            }
            if fills > 0 {
                out.push(format!(
                    "{tenant} {account} {quantity} {entry} {realised} {fills} {fills}"
                ));
            }
        }
        out
    }
}

/// What the database holds, in the model's words.
async fn held(engine: &Engine) -> BTreeMap<&'static str, Vec<String>> {
    let mut out = BTreeMap::new();
    for (what, sql) in [
        (
            "rows",
            "select tenant_id || ' ' || id || ' ' || extract(epoch from at)::bigint \
            || ' ' || account || ' ' || amount || ' ' || trim_scale(price) from moves order by 1",
        ),
        (
            "dead",
            "select position || ' ' || code || ' ' || encode(payload, 'escape') \
            from howdah.dead_letters order by position::int",
        ),
        (
            "balances",
            "select concat_ws(' ', tenant_id, account, balance, moves) from balances \
            where moves > 0 order by 1",
        ),
        (
            "sums_1h",
            "select concat_ws(' ', tenant_id, account, extract(epoch from bucket)::bigint, \
            sum, ups, trim_scale(lo), trim_scale(hi), trim_scale(open), trim_scale(close)) \
            from sums_1h order by 1",
        ),
        (
            "sums_1d",
            "select concat_ws(' ', tenant_id, account, extract(epoch from bucket)::bigint, \
            sum, ups, trim_scale(lo), trim_scale(hi), trim_scale(open), trim_scale(close)) \
            from sums_1d order by 1",
        ),
        (
            "holdings",
            "select concat_ws(' ', tenant_id, account, quantity, \
            trim_scale(coalesce(entry_price, 0) * 1e18), trim_scale(realised * 1e18), fees, fills) \
            from holdings order by 1",
        ),
        (
            "limits",
            "select concat_ws(' ', tenant_id, account, credit_limit) from balances \
            where account = 'c' order by 1",
        ),
        (
            "counts",
            "select concat_ws(' ', position, events, rows, duplicates, dead_letters) \
            from howdah.positions",
        ),
    ] {
        out.insert(what, engine.texts(sql).await);
    }
    out
}

async fn restart(engine: &Engine, feed: &mut Feed) {
    engine
        .run(&format!(
            "truncate moves, balances, sums_1h, sums_1d, holdings, howdah.dead_letters, \
             howdah.positions; {LIMITS}"
        ))
        .await;
    feed.restart();
}

fn assert_model(held: &BTreeMap<&str, Vec<String>>, model: &Model, events: usize) {
    assert_eq!(held["balances"], model.balances());
    let mut sums = model.sums(3600);
    sums.sort();
    assert_eq!(held["sums_1h"], sums);
    let mut sums = model.sums(86_400);
    sums.sort();
    assert_eq!(held["sums_1d"], sums);
    assert_eq!(held["holdings"], model.holdings());
    let dead: Vec<String> = held["dead"]
        .iter()
        .map(|letter| letter.split(' ').take(2).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(dead.len(), model.dead.len(), "{dead:?}");
    for (have, (position, reason)) in dead.iter().zip(&model.dead) {
        let fits = *have == format!("{position} {reason}");
        assert!(
            fits || (*reason == "undecodable" && have.starts_with(&format!("{position} "))),
            "{have} is not {position} {reason}"
        );
    }
    let (rows, dead) = (model.accepted.len(), model.dead.len());
    let counts = format!("{events} {events} {rows} {} {dead}", events - rows - dead);
    assert_eq!(held["counts"], [counts]);
    assert_eq!(held["limits"].len(), 2, "the application's limits stay");
    assert!(held["limits"].iter().all(|limit| limit.ends_with(" 50")));
}

#[tokio::test]
async fn cutting_batches_otherwise_never_changes_anything() {
    let engine = Engine::applied(TABLES, SYSTEM).await;
    let mut feed = engine.feed("moves").await;
    let mut cuts = Cuts::new(20_261_121);
    let (mut refused, mut broken) = (0, 0);
    for case in 0..24 {
        let count = 20 + cuts.below(180) as usize;
        let events: Vec<Event> = (0..count).map(|_| random_event(&mut cuts)).collect();
        let texts: Vec<&str> = events.iter().map(|event| event.text.as_str()).collect();
        let model = Model::run(&events);
        refused += model.dead.iter().filter(|(_, why)| *why == "check_refused").count();
        broken += model.dead.iter().filter(|(_, why)| *why == "23514").count();
        let mut first = None;
        for cutting in ["single", "random", "random", "whole"] {
            restart(&engine, &mut feed).await;
            let mut rest = &texts[..];
            while !rest.is_empty() {
                let size = match cutting {
                    "single" => 1,
                    "whole" => rest.len(),
                    _ => 1 + cuts.below(rest.len() as u64) as usize,
                };
                let (batch, after) = rest.split_at(size);
                feed.commit(batch).await;
                rest = after;
            }
            let held = held(&engine).await;
            assert_model(&held, &model, count);
            match &first {
                None => first = Some(held),
                Some(first) => assert_eq!(&held, first, "case {case}, cut {cutting}"),
            }
        }
        engine.assert_fold_is_rebuild().await;
        assert_eq!(Some(&held(&engine).await), first.as_ref(), "a rebuild changed something");
    }
    assert!(refused > 50 && broken > 10, "too tame: {refused} and {broken} refusals");
}

#[tokio::test]
async fn a_limit_that_the_application_moves_counts_from_then_on() {
    let engine = Engine::applied(TABLES, SYSTEM).await;
    let mut feed = engine.feed("moves").await;
    let mut id = 0;
    let mut take = |amount: i64| {
        id += 1;
        format!(
            r#"{{"tenant_id": "{A}", "id": {id}, "at": 1762300800, "account": "x",
            "amount": {amount}, "price": 1}}"#
        )
    };
    // Without a row yet the default of the column counts, which is nothing.
    let outcome = feed.commit(&[take(-1), take(10), take(-10), take(-1)]).await;
    assert_eq!((outcome.rows, outcome.dead_letters), (2, 2));
    engine.run("update balances set credit_limit = 5 where account = 'x'").await;
    let outcome = feed.commit(&[take(-6), take(-5), take(-1)]).await;
    assert_eq!((outcome.rows, outcome.dead_letters), (1, 2));
    engine.rebuild_all().await;
    let state = "select balance || ' ' || moves || ' ' || credit_limit from balances";
    assert_eq!(engine.texts(state).await, ["-5 3 5"]);
    engine.run("update balances set credit_limit = 7 where account = 'x'").await;
    let outcome = feed.commit(&[take(-3), take(-2)]).await;
    assert_eq!((outcome.rows, outcome.dead_letters), (1, 1));
    engine.assert_proved().await;
}
