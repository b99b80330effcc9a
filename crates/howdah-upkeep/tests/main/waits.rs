//! Work that meets somebody else's open transaction.

use std::time::Duration;

use howdah_rollup::lock::AdvisoryLock;
use howdah_testkit::wait_until;
use howdah_upkeep::rebuild::rebuild_level;

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
    let engine = Engine::applied(METERS, SYSTEM).await;
    engine
        .run(
            "insert into readings values ('a', date_trunc('day', now()), 1); \
             insert into usage_1h values ('a', date_trunc('day', now()), 1)",
        )
        .await;
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
