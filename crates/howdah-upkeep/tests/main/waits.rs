//! Work that meets somebody else's open transaction.

use std::time::Duration;

use howdah_rollup::lock::AdvisoryLock;
use howdah_rollup::recompute::Range;
use howdah_testkit::wait_until;
use howdah_upkeep::rebuild::{Asked, rebuild_level};

use crate::engine::{Engine, fine};

/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

const METERS: &str = "create table readings (meter text not null, read_at timestamptz not null, \
    litres numeric not null);";

const SYSTEM: &str = r#"
[system]
name = "{db}"
[streams.readings]
time = "read_at"
key = ["meter", "read_at"]
[rollups.usage]
from = "readings"
every = ["1 hour"]
by = ["meter"]
litres = "sum(litres)"
"#;

/// A reading of today, and its rollup.
async fn one_reading() -> Engine {
    let engine = Engine::applied(METERS, SYSTEM).await;
    engine
        .run(
            "insert into readings values ('a', date_trunc('day', now()), 1); \
             insert into usage_1h values ('a', date_trunc('day', now()), 1)",
        )
        .await;
    engine
}

/// Whether a session of `database` waits for a lock.
async fn waits(engine: &Engine) -> bool {
    engine
        .one::<bool>(
            "select exists (select from pg_stat_activity where datname = current_database() \
             and wait_event_type = 'Lock')",
        )
        .await
}

#[tokio::test]
async fn an_index_is_built_behind_a_transaction_that_outlasts_lock_timeout() {
    let rows = format!("{METERS} insert into readings values ('a', now(), 1);");
    let engine = Engine::new(&rows, SYSTEM).await;
    let holder = engine.db.connect().await;
    holder.batch_execute("begin; lock table readings in row exclusive mode").await.unwrap();
    engine.client.batch_execute("set lock_timeout = '100ms'").await.unwrap();
    let (system, mut plan) = engine.plan().await;
    plan.steps.retain(|step| step.id.starts_with("index "));
    assert_eq!(plan.steps.len(), 1);
    let worker = engine.db.connect().await;
    worker.batch_execute("set lock_timeout = '100ms'").await.unwrap();
    let apply = howdah_upkeep::apply::apply(&worker, &system, &plan, &[], |_| {});
    let release = async {
        wait_until("the build waits", LONG, async || waits(&engine).await).await;
        // Longer than the limit, which must not count here.
        let slept = engine.client.batch_execute("select pg_sleep(0.3)").await;
        slept.unwrap();
        assert!(waits(&engine).await, "the build was cut off");
        holder.batch_execute("commit").await.unwrap();
    };
    let (applied, ()) = tokio::join!(apply, release);
    fine(applied);
    let limit: String = worker.query_one("show lock_timeout", &[]).await.unwrap().get(0);
    assert_eq!(limit, "100ms", "the session has its own limits again");
}

#[tokio::test]
async fn a_rebuild_keeps_the_buckets_of_the_batch_that_it_waits_for() {
    let engine = one_reading().await;
    let (_, system) = engine.model().await;
    let batch = engine.db.connect().await;
    let lock = AdvisoryLock::stream(&system.streams[0]).shared();
    batch
        .batch_execute(&format!(
            "begin; {lock}; \
             insert into readings values ('a', date_trunc('day', now()) + interval '1 day', 2); \
             insert into usage_1h values ('a', date_trunc('day', now()) + interval '1 day', 2)"
        ))
        .await
        .unwrap();
    let rebuild = async {
        let worker = engine.db.connect().await;
        fine(rebuild_level(&worker, &system, "usage", 0, None, |_| {}).await);
    };
    let commit = async {
        wait_until("the rebuild waits", LONG, async || waits(&engine).await).await;
        batch.batch_execute("commit").await.unwrap();
    };
    tokio::join!(rebuild, commit);
    engine.assert_proved().await;
}

#[tokio::test]
async fn a_rebuild_of_what_is_right_waits_for_no_batch() {
    let engine = one_reading().await;
    let (_, system) = engine.model().await;
    let batch = engine.db.connect().await;
    let lock = AdvisoryLock::stream(&system.streams[0]).shared();
    batch.batch_execute(&format!("begin; {lock}")).await.unwrap();
    let worker = engine.db.connect().await;
    let all = Asked { from: None, to: None };
    let mut ranges = 0;
    let rebuild = rebuild_level(&worker, &system, "usage", 0, Some(&all), |_| ranges += 1);
    fine(tokio::time::timeout(LONG, rebuild).await.expect("it waits for nobody"));
    assert_eq!(ranges, 1);
    batch.batch_execute("commit").await.unwrap();
}

/// Ranges without events are passed over, but for those in which rows are left that should not be.
#[tokio::test]
async fn a_rebuild_passes_over_empty_years() {
    let engine = one_reading().await;
    engine
        .run(
            "create table howdah_chunks.old partition of readings \
             for values from ('2001-01-01 00:00+00') to ('2002-01-01 00:00+00'); \
             insert into readings values ('a', '2001-02-03 04:00+00', 1); \
             insert into usage_1h values ('a', '2010-05-05 05:00+00', 1)",
        )
        .await;
    let (_, system) = engine.model().await;
    let all = Asked { from: None, to: None };
    let mut ranges = Vec::new();
    let tell = |range: &Range| ranges.push(range.from.clone());
    fine(rebuild_level(&engine.client, &system, "usage", 0, Some(&all), tell).await);
    assert_eq!(ranges.len(), 3, "{ranges:?}");
    assert!(ranges[1].starts_with("2010-05-"), "{ranges:?}");
    engine.assert_proved().await;
}

/// Everything that can be wrong with a row, over more rows than are mended at once, with a column
/// that howdah does not keep.
#[tokio::test]
async fn a_rebuild_mends_every_kind_of_wrong_row_and_no_other() {
    let engine = Engine::applied(METERS, SYSTEM).await;
    engine
        .run(
            "insert into readings select 'm' || m, date_trunc('day', now(), 'UTC') \
             + h * interval '1 hour' + interval '30 minutes', m + 0.50 \
             from generate_series(1, 60) m, \
             generate_series(0, 47) h; \
             insert into usage_1h select meter, date_trunc('hour', read_at), litres from readings",
        )
        .await;
    let right = engine.table("usage_1h").await;
    assert_eq!(right.len(), 2_880);
    let untouched = "select count(*) from usage_1h u join kept k on u.ctid = k.place";
    engine
        .run(
            "create table kept as select ctid as place from usage_1h where meter = 'm60'; \
             update usage_1h set litres = litres + 1 where meter < 'm3' and meter <> 'm1'; \
             update usage_1h set litres = litres + 0.000 where meter = 'm1'; \
             delete from usage_1h where meter = 'm40' or bucket = date_trunc('day', now(), 'UTC') \
             + interval '7 hours'; \
             insert into usage_1h select 'nobody', date_trunc('day', now(), 'UTC') \
             + h * interval '1 hour', 1 from generate_series(-40, 90) h",
        )
        .await;
    engine.rebuild("usage", 0).await;
    assert_eq!(engine.table("usage_1h").await, right);
    assert_eq!(engine.one::<i64>(untouched).await, 47, "what is right is not written anew");
    engine.assert_proved().await;

    // A column of others is kept, also where no events are left.
    engine.run("alter table usage_1h add column note text").await;
    engine
        .run(
            "update usage_1h set note = 'seen' where meter = 'm2'; \
             update usage_1h set litres = 0.1 where meter in ('m2', 'm3'); \
             insert into usage_1h values ('nobody', date_trunc('day', now(), 'UTC'), 7, 'mine')",
        )
        .await;
    engine.rebuild("usage", 0).await;
    let kept = "select count(*) from usage_1h where note = 'seen' and litres = 2.50";
    assert_eq!(engine.one::<i64>(kept).await, 48);
    let nobody = "select meter || ' ' || coalesce(litres::text, 'null') || ' ' || note \
                  from usage_1h where meter = 'nobody'";
    assert_eq!(engine.texts(nobody).await, ["nobody null mine"]);
    assert_eq!(engine.one::<i64>("select count(*) from usage_1h where litres = 0.1").await, 0);
    let emptied = "create table emptied as select ctid as place from usage_1h where note = 'mine'; \
                   update usage_1h set litres = null where meter = 'm5'";
    engine.run(emptied).await;
    engine.rebuild("usage", 0).await;
    let left = "select count(*) from usage_1h u join emptied e on u.ctid = e.place";
    assert_eq!(engine.one::<i64>(left).await, 1, "an empty row of others is not written anew");
    let filled = "select count(*) from usage_1h where meter = 'm5' and litres = 5.50";
    assert_eq!(engine.one::<i64>(filled).await, 48);
}

/// Writers commit between a look and the mending of what it saw.
#[tokio::test]
async fn rows_that_are_written_while_a_rebuild_looks_are_right_in_the_end() {
    let engine = Engine::applied(METERS, SYSTEM).await;
    let (_, system) = engine.model().await;
    let lock = AdvisoryLock::stream(&system.streams[0]).shared();
    engine
        .run(
            "insert into readings select 'm' || m, \
             date_trunc('day', now(), 'UTC') + s * interval '1 s', 1 \
             from generate_series(1, 40) m, generate_series(0, 500) s; \
             insert into usage_1h select meter, date_trunc('hour', read_at), sum(litres) + 5 \
             from readings group by 1, 2",
        )
        .await;
    let done = std::sync::atomic::AtomicBool::new(false);
    let write = async {
        let writer = engine.db.connect().await;
        let mut second = 1_000;
        while !done.load(std::sync::atomic::Ordering::Relaxed) {
            second += 1;
            let sql = format!(
                "begin; {lock}; insert into readings select 'm' || m, \
                 date_trunc('day', now(), 'UTC') + {second} * interval '1 s', 1 \
                 from generate_series({second} % 7, 40, 7) m; \
                 insert into usage_1h select 'm' || m, date_trunc('hour', \
                 date_trunc('day', now(), 'UTC') + {second} * interval '1 s'), 1 \
                 from generate_series({second} % 7, 40, 7) m \
                 on conflict (meter, bucket) do update \
                 set litres = usage_1h.litres + excluded.litres; commit"
            );
            writer.batch_execute(&sql).await.unwrap();
        }
        second - 1_000
    };
    let rebuild = async {
        let worker = engine.db.connect().await;
        for _ in 0..10 {
            engine.run("update usage_1h set litres = litres + 1 where meter like '%3'").await;
            fine(rebuild_level(&worker, &system, "usage", 0, None, |_| {}).await);
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    };
    let (batches, ()) = tokio::join!(write, rebuild);
    assert!(batches > 10, "{batches} batches beside ten rebuilds");
    engine.assert_proved().await;
}
