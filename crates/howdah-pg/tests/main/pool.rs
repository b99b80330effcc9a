//! The pool: bounded, and nothing of one user reaches the next.

use std::time::Duration;

use howdah_error::{Code, Kind};
use howdah_pg::{Limits, Pool};
use howdah_testkit::{Cluster, ClusterOptions};

fn limits(pool_size: usize, connect_timeout: Duration) -> Limits {
    Limits { pool_size, connect_timeout, ..Limits::default() }
}

#[tokio::test]
async fn the_pool_is_bounded_and_says_so() {
    let database = Cluster::shared().await.database().await;
    let limits = limits(2, Duration::from_millis(200));
    let pool = Pool::new(database.options().clone().limits(limits)).unwrap();
    let first = pool.get().await.unwrap();
    let second = pool.get().await.unwrap();
    let error = pool.get().await.err().expect("the pool is empty");
    assert_eq!((error.kind(), error.get_code()), (Kind::Unavailable, Some(Code::CannotConnect)));
    assert!(error.get_detail().is_some_and(|d| d.contains("All 2 connections")), "{error:?}");
    drop(first);
    assert!(pool.get().await.is_ok());
    drop(second);
    pool.close();
    assert!(pool.get().await.is_err());
}

#[tokio::test]
async fn a_returned_connection_is_as_new() {
    let database = Cluster::shared().await.database().await;
    let pool =
        Pool::new(database.options().clone().limits(limits(1, Duration::from_secs(5)))).unwrap();
    let role = format!("{}_other", database.name());
    let connection = pool.get().await.unwrap();
    let pid: i32 = connection.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
    let prepared = connection.prepare("select current_setting('lock_timeout')").await.unwrap();
    connection
        .batch_execute(&format!(
            "create role {role}; grant {role} to current_user; \
             create temp table left_over (a int); select pg_advisory_lock(1); \
             set lock_timeout = 0; set timezone = 'Asia/Tokyo'; \
             set howdah.tenant = 'someone'; set role {role}; begin; listen x"
        ))
        .await
        .unwrap();
    drop(connection);

    let connection = pool.get().await.unwrap();
    let row = connection
        .query_one(
            "select pg_backend_pid(), current_user = session_user, \
             current_setting('howdah.tenant', true), current_setting('timezone'), \
             to_regclass('left_over') is null, pg_try_advisory_lock(1), \
             (select count(*) from pg_locks where locktype = 'advisory' \
              and database = (select oid from pg_database where datname = current_database())), \
             now() = statement_timestamp()",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(row.get::<_, i32>(0), pid);
    assert!(row.get::<_, bool>(1), "the role is reset");
    assert_eq!(row.get::<_, Option<&str>>(2).unwrap_or_default(), "");
    assert_eq!(row.get::<_, &str>(3), "UTC");
    assert!(row.get::<_, bool>(4), "temporary tables are gone");
    let row = connection.query_one(&prepared, &[]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "3s", "prepared statements stay, settings are set anew");
}

#[tokio::test]
async fn the_pool_gets_over_a_restart() {
    let mut cluster = Cluster::start(ClusterOptions::default()).await;
    let database = cluster.database().await;
    let pool =
        Pool::new(database.options().clone().limits(limits(2, Duration::from_secs(5)))).unwrap();
    pool.get().await.unwrap().batch_execute("create table t (a int)").await.unwrap();
    cluster.kill9().await;
    let error = pool.get().await.err().expect("the server is gone");
    assert_eq!(error.kind(), Kind::Unavailable, "{}", error.report());
    cluster.restart().await;
    pool.get().await.unwrap().batch_execute("insert into t values (1)").await.unwrap();
}
