//! Rollups that change while there is data, and while data comes in.

use howdah_error::Code;

use crate::engine::{Engine, fine};

const TABLE: &str = "
create table events (id bigint not null, at timestamptz not null, k text not null,
    g int not null, n int not null, x numeric not null, primary key (id, at));
insert into events select i, '2026-10-01'::timestamptz + i * interval '37 minutes', 'k' || i % 3,
    i % 5, i, i / 7.0 from generate_series(1, 300) i;
";

const STREAM: &str = r#"
[system]
name = "{db}"
[streams.events]
time = "at"
key = ["id"]
[sources.events]
file = "e.ndjson"
into = "events"
"#;

const FIRST: &str = r#"
[rollups.r]
from = "events"
every = ["1 hour", "1 day"]
by = ["k"]
sum = "sum(n)"
mean = "avg(n)"
first = "first(x)"
[rollups.s]
from = "events"
by = ["k"]
sum = "sum(n)"
"#;

async fn start() -> Engine {
    Engine::applied(TABLE, &format!("{STREAM}{FIRST}")).await
}

/// An event that is not there yet.
fn event(id: u64, minute: u64) -> String {
    format!(
        r#"{{"id": {id}, "at": "2026-10-{:02}T{:02}:{:02}:00Z", "k": "k{}", "g": 1, "n": 3,
        "x": "1.5"}}"#,
        1 + minute / 1440 % 28,
        minute / 60 % 24,
        minute % 60,
        id % 4,
    )
}

#[tokio::test]
async fn every_change_of_a_definition_is_rebuilt() {
    for (old, new) in [
        // A measure more, and one less.
        ("sum = \"sum(n)\"\nmean", "sum = \"sum(n)\"\nhigh = \"max(x)\"\nmean"),
        ("mean = \"avg(n)\"\n", ""),
        ("first = \"first(x)\"\n", ""),
        // Another type, another kind, an average from a sum and back.
        ("sum = \"sum(n)\"\nmean", "sum = \"sum(x)\"\nmean"),
        ("first = \"first(x)\"", "first = \"last(n)\""),
        ("mean = \"avg(n)\"", "mean = \"avg(x)\""),
        ("mean = \"avg(n)\"", "mean = \"max(n)\""),
        ("sum = \"sum(n)\"\nmean", "sum = \"avg(x)\"\nmean"),
        // Another filter, another zone, more and other widths.
        (
            "by = [\"k\"]\nsum = \"sum(n)\"\nmean",
            "by = [\"k\"]\nwhere = \"g > 1\"\nsum = \"sum(n)\"\nmean",
        ),
        ("every = ", "timezone = \"America/New_York\"\nevery = "),
        ("\"1 hour\", ", "\"1 hour\", \"6 hours\", "),
        // Another key: wider, other, none.
        ("by = [\"k\"]\nsum = \"sum(n)\"\nmean", "by = [\"k\", \"g\"]\nsum = \"sum(n)\"\nmean"),
        ("by = [\"k\"]\nsum = \"sum(n)\"\nmean", "by = [\"g\"]\nsum = \"sum(n)\"\nmean"),
        ("by = [\"k\"]\nsum = \"sum(n)\"\nmean", "sum = \"sum(n)\"\nmean"),
    ] {
        let mut engine = start().await;
        engine.assert_proved().await;
        let first = engine.text.clone();
        assert!(first.contains(old), "{old}");
        engine.text = first.replacen(old, new, 1);
        engine.apply().await;
        engine.assert_proved().await;
        let mut feed = engine.feed("events").await;
        let events: Vec<String> = (0..50).map(|n| event(5000 + n, n * 71)).collect();
        assert_eq!(feed.commit(&events).await.rows, 50, "{new}");
        engine.assert_fold_is_rebuild().await;
        // What is no longer kept does not lie around as if it were the application's.
        let columns: i64 = engine
            .one(
                "select count(*) from pg_attribute where attrelid = 'r_1d'::regclass \
                  and attnum > 0 and not attisdropped",
            )
            .await;
        engine.run("drop table r_1d; delete from howdah.rollups where relation = 'r_1d'").await;
        engine.apply().await;
        let fresh: i64 = engine
            .one(
                "select count(*) from pg_attribute where attrelid = 'r_1d'::regclass \
                  and attnum > 0 and not attisdropped",
            )
            .await;
        assert_eq!(columns, fresh, "columns are left over after: {new}");
        // And back again.
        engine.text = first;
        let loses = ["retire r_6h"];
        engine.apply_allowing(&loses).await;
        engine.assert_proved().await;
    }
}

#[tokio::test]
async fn columns_of_the_application_stay_while_a_definition_changes() {
    let mut engine = start().await;
    engine
        .run(
            "alter table s add column limit_of int not null default 5, add column note text; \
             alter table r_1h add column note text; \
             update s set limit_of = 9, note = 'mine' where k = 'k1'; \
             update r_1h set note = 'mine' where bucket = '2026-10-02 10:00+00';",
        )
        .await;
    engine.assert_settled().await;
    engine.assert_fold_is_rebuild().await;
    engine.text = engine.text.replace("sum(n)", "sum(x)");
    engine.apply().await;
    engine.assert_fold_is_rebuild().await;
    let own = "select limit_of || note from s where k = 'k1'";
    assert_eq!(engine.texts(own).await, ["9mine"]);
    let noted = engine.one::<i64>("select count(*) from r_1h where note = 'mine'").await;
    assert!(noted > 0);
    // Another key would lose them: only when it is said by name.
    let cut = engine.text.find("[rollups.s]").unwrap();
    let (head, tail) = engine.text.split_at(cut);
    engine.text = format!("{head}{}", tail.replace("by = [\"k\"]", "by = [\"g\"]"));
    let error = engine.try_apply(&[]).await.unwrap_err();
    assert_eq!(error.get_code(), Some(Code::WouldLoseData));
    engine.apply_allowing(&["rollup s"]).await;
    engine.assert_fold_is_rebuild().await;
}

#[tokio::test]
async fn a_writer_of_before_a_change_stops() {
    for change in ["new measure", "rollup gone"] {
        let mut engine = start().await;
        let mut feed = engine.feed("events").await;
        feed.commit(&[event(5000, 1)]).await;
        if change == "new measure" {
            engine.text = engine.text.replace("first = \"first(x)\"", "low = \"min(x)\"");
        } else {
            let cut = engine.text.find("[rollups.s]").unwrap();
            engine.text.truncate(cut);
        }
        engine.apply_allowing(&["retire s"]).await;
        let error = feed.try_commit(&[event(5001, 2)]).await.unwrap_err();
        assert_eq!(error.get_code(), Some(Code::NotApplied), "{}", error.report());
        assert_eq!(engine.one::<i64>("select count(*) from events").await, 301);
        engine.assert_proved().await;
    }
}

#[tokio::test]
async fn a_rebuild_beside_a_writer_ends_with_the_truth() {
    let engine = start().await;
    engine.run("update r_1h set sum = 0; delete from r_1d; update s set sum = 1").await;
    let mut feed = engine.feed("events").await;
    let writing = async {
        for round in 0..120_u64 {
            // Everywhere, also before the first and after the last event of before.
            let events: Vec<String> = (0..7)
                .map(|n| event(10_000 + round * 7 + n, (round * 977 + n * 41) % 40_000))
                .collect();
            assert_eq!(feed.commit(&events).await.rows, 7);
        }
    };
    let rebuilding = async {
        for _ in 0..2 {
            engine.rebuild_all().await;
        }
    };
    tokio::join!(writing, rebuilding);
    engine.assert_fold_is_rebuild().await;
}

/// Ends a backend and waits until it is gone, while the runtime of the caller stands still.
fn end_backend(options: howdah_pg::ConnectOptions, pid: i32) {
    let work = async move {
        let connection = howdah_pg::connect(&options).await.unwrap();
        let sql = "select pg_terminate_backend($1, 10000)";
        assert!(connection.query_one(sql, &[&pid]).await.unwrap().get::<_, bool>(0));
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    std::thread::spawn(move || runtime.block_on(work)).join().unwrap();
}

#[tokio::test]
async fn a_rebuild_that_was_killed_goes_on() {
    let mut engine = start().await;
    engine.text = engine.text.replace("sum(n)", "max(n)");
    let (system, plan) = engine.plan().await;
    let worker = engine.db.connect().await;
    let pid: i32 = worker.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
    let changes = howdah_plan::Plan {
        steps: plan.steps.iter().filter(|step| step.id.starts_with("rollup")).cloned().collect(),
        notes: Vec::new(),
    };
    fine(howdah_upkeep::apply::apply(&engine.client, &system, &changes, &[], |_| {}).await);
    let mut ranges = 0;
    let result = howdah_upkeep::rebuild::rebuild_level(&worker, &system, "r", 0, None, |_| {
        ranges += 1;
        if ranges == 5 {
            end_backend(engine.db.options().clone(), pid);
        }
    })
    .await;
    assert!(result.is_err(), "it was not struck");
    let mut feed = engine.feed("events").await;
    let events: Vec<String> = (0..40).map(|n| event(5000 + n, n * 997)).collect();
    assert_eq!(feed.commit(&events).await.rows, 40);
    engine.apply().await;
    engine.assert_fold_is_rebuild().await;
}
