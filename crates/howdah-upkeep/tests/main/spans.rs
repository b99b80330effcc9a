//! Rollups of spans: after every commit the tables equal a computation from all events, in whatever
//! order and cut they come.

use std::collections::BTreeSet;
use std::time::Duration;

use howdah_pg::{ConnectOptions, connect};
use howdah_testkit::{Cuts, wait_until};

use crate::derived::shuffle;
use crate::engine::{Engine, Feed, fine};
use crate::rollups::Dice;
use crate::spans_model::{Event, START, assert_kept, shifts};

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
    // Rows of a rollup of the events themselves would keep batches of one machine apart.
    let plain = SYSTEM.find("[rollups.plain]").unwrap();
    let engine = engine(&SYSTEM[..plain]).await;
    let mut dice = Dice(9);
    let (mut one, mut two) = (engine.feed("one").await, engine.feed("two").await);
    let holder = engine.db.connect().await;
    let mut live: Vec<Event> = Vec::new();
    for (feed, id) in [(&mut one, 0), (&mut two, 1)] {
        let event = Event::random(&mut dice, id);
        feed.commit(&[event.json()]).await;
        live.push(event);
    }
    for round in 0..8 {
        let mut events: Vec<Event> = (0..12).map(|id| Event::random(&mut dice, id)).collect();
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
            wait_until("both wait", Duration::from_secs(60), async || all_wait(&engine, 2).await)
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

#[tokio::test]
async fn a_writer_cut_at_any_moment_leaves_spans_whole() {
    let engine = engine(SYSTEM).await;
    let mut dice = Dice(12);
    let mut events: Vec<Event> = (0..90).map(|id| Event::random(&mut dice, id)).collect();
    shuffle(&mut dice, &mut events);
    let own: i32 = engine.one("select pg_backend_pid()").await;
    let admin = engine.db.admin().await;
    let mut cuts = Cuts::new(12);
    let mut feed = engine.feed("one").await;
    let (mut at, mut struck) = (0_usize, 0);
    while at < events.len() {
        let end = (at + 9).min(events.len());
        let texts: Vec<String> = events[at..end].iter().map(Event::json).collect();
        let wait = cuts.after(Duration::ZERO, Duration::from_millis(150));
        let strike = async {
            tokio::time::sleep(wait).await;
            let others = "select pg_terminate_backend(pid, 60000) from pg_stat_activity \
                          where datname = $1 and pid not in ($2, pg_backend_pid()) \
                          and backend_type = 'client backend'";
            admin.query(others, &[&engine.db.name(), &own]).await.unwrap();
        };
        let (ended, ()) = tokio::join!(feed.try_commit(&texts), strike);
        struck += usize::from(ended.is_err());
        // The position says whether it was committed; the connection is gone in any case.
        let place: i64 =
            engine.one("select coalesce(max(position::bigint), 0) from howdah.positions").await;
        at = usize::try_from(place).unwrap();
        feed = engine.feed("one").await;
        feed.restart_at(at as u64);
        assert_kept(&engine, &first_of_each(&events[..at]), &format!("at {at}")).await;
    }
    assert!(struck > 0, "no batch was struck");
    engine.assert_fold_is_rebuild().await;
}

#[tokio::test]
async fn a_reader_adds_the_span_that_is_open() {
    let engine = engine(SYSTEM).await;
    let mut feed = engine.feed("one").await;
    let now: i64 = engine.one("select extract(epoch from now())::bigint").await;
    let event = |id: i64, ago: i64, state: &'static str| {
        let fixed = Event::random(&mut Dice(id as u64), id);
        let event = Event { org: 1, machine: "a", at: now - ago, seq: 0, state, epoch: 0, ..fixed };
        event.json()
    };
    feed.commit(&[event(1, 7200, "run"), event(2, 3600, "down"), event(3, 600, "run")]).await;
    engine
        .run(
            "delete from shifts; insert into shifts values (1, 'one', 'now', \
             tstzrange(now() - interval '90 minutes', now() + interval '1 hour'))",
        )
        .await;
    engine.rebuild_all().await;
    // 90 minutes began with half an hour of running; ten minutes of it are open.
    let producing: f64 = engine
        .one(
            "select (t.secs + coalesce((select howdah.seconds_in(o.at, now(), s.period) \
             from times_open o where o.org = t.org and o.machine = t.machine \
             and o.state = 'run'), 0))::float8 \
             from by_shift t join machine_shifts s using (org, machine, shift) \
             where t.machine = 'a' and t.state = 'run' and s.period @> now()",
        )
        .await;
    assert!((2399.0..2700.0).contains(&producing), "{producing}");
    let open: Vec<String> = engine
        .texts("select machine || ' ' || state || ' ' || (seconds >= 599) from times_open")
        .await;
    assert_eq!(open, ["a run true"]);
    let plan = engine
        .texts("explain (costs off) select * from times_open where org = 1 and machine = 'a'")
        .await;
    assert!(plan.iter().any(|line| line.contains("Index")), "{plan:#?}");
}
