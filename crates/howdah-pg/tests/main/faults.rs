//! Errors of a real server: how they are classified and told.

use std::cell::Cell;
use std::time::Duration;

use howdah_error::{Code, Kind};
use howdah_pg::{Fault, RetryPolicy, classify, connect, from_pg, retry, sqlstate};
use howdah_testkit::{Cluster, ClusterOptions, SmallDisk};
use tokio_postgres::error::SqlState;

#[tokio::test]
async fn data_errors_name_the_constraint_and_no_value() {
    let database = Cluster::shared().await.database().await;
    let owner = database.connect().await;
    owner
        .batch_execute(
            "create table t (id text primary key, n int check (n > 0), p numeric(3, 1)); \
             insert into t values ('hunter2', 1, 1)",
        )
        .await
        .unwrap();
    for (sql, code, part) in [
        ("insert into t values ('hunter2', 1, 1)", "23505", "constraint \"t_pkey\""),
        ("insert into t values ('hunter2x', -5, 1)", "23514", "constraint \"t_n_check\""),
        ("insert into t values (null, 5, 1)", "23502", "column \"id\""),
        ("select 'hunter2'::int", "22P02", "SQLSTATE 22P02"),
        ("select to_timestamp('hunter2', 'YYYY')", "22007", "SQLSTATE 22007"),
        ("select '{\"a\": hunter2}'::json", "22P02", "SQLSTATE 22P02"),
        ("insert into t values ('x', 1, 12345)", "22003", "SQLSTATE 22003"),
    ] {
        let error = owner.batch_execute(sql).await.unwrap_err();
        assert_eq!(sqlstate(&error).map(SqlState::code), Some(code), "{sql}");
        assert_eq!(classify(&error), Fault::Data, "{sql}");
        let told = from_pg("could not insert", &error);
        assert_eq!(told.kind(), Kind::Input);
        assert!(told.get_detail().is_some_and(|d| d.contains(part)), "{}", told.report());
        assert!(!told.report().contains("hunter2"), "{}", told.report());
    }
}

#[tokio::test]
async fn a_missing_right_names_the_object() {
    let database = Cluster::shared().await.database().await;
    database.admin().await.batch_execute("create table secrets (a int)").await.unwrap();
    let error = database.connect().await.batch_execute("table secrets").await.unwrap_err();
    let told = from_pg("could not read", &error);
    assert_eq!(told.get_code(), Some(Code::MissingRight));
    assert_eq!(told.message(), "could not read: permission denied for table secrets");
    assert!(told.get_hint().is_some_and(|hint| hint.contains("grant")));
}

#[tokio::test]
async fn a_lock_that_is_held_is_tried_again_until_it_is_free() {
    let database = Cluster::shared().await.database().await;
    let holder = database.connect().await;
    holder.batch_execute("create table t (a int)").await.unwrap();
    holder.batch_execute("begin; lock table t").await.unwrap();
    let waiter = database.connect().await;
    waiter.batch_execute("set lock_timeout = '10ms'").await.unwrap();

    let error = waiter.batch_execute("begin; lock table t").await.unwrap_err();
    assert_eq!(classify(&error), Fault::Retry);
    assert_eq!(from_pg("x", &error).get_code(), Some(Code::LockTimeout));
    waiter.batch_execute("rollback").await.unwrap();

    let attempts = Cell::new(0);
    let policy = RetryPolicy { attempts: 50, base: Duration::from_millis(1), ..Default::default() };
    let result: Result<(), howdah_error::Error> = retry(&policy, "truncate", || {
        attempts.set(attempts.get() + 1);
        let release = attempts.get() == 3;
        let (holder, waiter) = (&holder, &waiter);
        async move {
            if release {
                holder.batch_execute("commit").await.expect("the holder commits");
            }
            let result = waiter.batch_execute("truncate t").await;
            result.map_err(|error| from_pg("could not truncate", &error))
        }
    })
    .await;
    assert!(result.is_ok(), "{result:?}");
    assert!(attempts.get() >= 3);
}

#[tokio::test]
async fn a_backend_that_is_terminated_means_reconnect() {
    let database = Cluster::shared().await.database().await;
    let victim = database.connect().await;
    let pid: i32 = victim.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
    let admin = database.admin().await;
    admin.query_one("select pg_terminate_backend($1, 10000)", &[&pid]).await.unwrap();
    let error = victim.batch_execute("select 1").await.unwrap_err();
    assert_eq!(classify(&error), Fault::Reconnect);
    assert_eq!(from_pg("x", &error).kind(), Kind::Unavailable);
}

#[tokio::test]
async fn a_wrong_parameter_is_no_reason_to_reconnect() {
    let database = Cluster::shared().await.database().await;
    let owner = database.connect().await;
    let error = owner.query("select $1::int4", &[&"text"]).await.unwrap_err();
    assert_eq!(classify(&error), Fault::Other);
    assert_eq!(from_pg("x", &error).kind(), Kind::Internal);
}

/// Without its cache of the catalog, which a crash removes, each new session writes it.
#[tokio::test]
async fn a_server_that_cannot_begin_sessions_on_a_full_disk_is_waited_for() {
    let Some(disk) = SmallDisk::mount("200m") else {
        println!("skipped: only root can mount a small disk");
        return;
    };
    let folder = Some(disk.path());
    let cluster = Cluster::start(ClusterOptions { folder, ..ClusterOptions::default() }).await;
    let database = cluster.database().await;
    let options = database.options();
    connect(options).await.unwrap();
    let data = cluster.dir().join("data");
    for parent in ["base", "global"] {
        let within = std::fs::read_dir(data.join(parent)).unwrap().flatten();
        for folder in within.map(|entry| entry.path()).chain([data.join(parent)]) {
            let _ = std::fs::remove_file(folder.join("pg_internal.init"));
        }
    }
    disk.fill();
    let error = connect(options).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable, "{}", error.report());
    assert_eq!(error.get_code(), Some(Code::CannotConnect), "{}", error.report());
    disk.free();
    connect(options).await.unwrap();
}
