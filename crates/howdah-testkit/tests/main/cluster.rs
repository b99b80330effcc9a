//! Clusters and databases: isolation, and every fault with its recovery.

use std::time::Duration;

use howdah_pg::{ConnectOptions, Fault, classify, connect};
use howdah_testkit::{Cluster, ClusterOptions, wait_until};

#[tokio::test]
async fn databases_of_the_shared_cluster_are_apart() {
    let cluster = Cluster::shared().await;
    let (one, two) = (cluster.database().await, cluster.database().await);
    assert_ne!(one.name(), two.name());
    let owner = one.connect().await;
    owner.batch_execute("create table t (a int); create schema s").await.unwrap();
    let other = two.connect().await;
    assert!(other.batch_execute("select * from t").await.is_err());
    let row = owner
        .query_one(
            "select rolsuper, rolbypassrls, rolcreaterole from pg_roles \
             where rolname = current_user",
            &[],
        )
        .await
        .unwrap();
    assert_eq!((row.get(0), row.get(1), row.get(2)), (false, false, true));
    assert!(one.admin().await.query("select * from t", &[]).await.is_ok());
}

#[tokio::test]
async fn a_login_is_a_member_of_its_roles() {
    let database = Cluster::shared().await.database().await;
    let owner = database.connect().await;
    let role = format!("{}_readers", database.name());
    owner.batch_execute(&format!("create role {role}; create table t (a int)")).await.unwrap();
    owner.batch_execute(&format!("grant select on t to {role}")).await.unwrap();
    let url = database.login("ann", &[&role]).await;
    let ann = connect(&ConnectOptions::from_url(&url).unwrap()).await.unwrap();
    assert!(ann.query("select * from t", &[]).await.is_ok());
    assert!(ann.batch_execute("insert into t values (1)").await.is_err());
}

#[tokio::test]
async fn a_killed_cluster_recovers_what_was_committed() {
    let mut cluster = Cluster::start(ClusterOptions::default()).await;
    let database = cluster.database().await;
    let port = cluster.port();
    let owner = database.connect().await;
    owner.batch_execute("create table t (a int); insert into t values (1)").await.unwrap();
    owner.batch_execute("begin; insert into t values (2)").await.unwrap();
    cluster.kill9().await;
    let error = owner.query("select 1", &[]).await.unwrap_err();
    assert_eq!(classify(&error), Fault::Reconnect);
    cluster.restart().await;
    assert_eq!(cluster.port(), port);
    let row = database.connect().await.query_one("select count(*) from t", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 1);

    cluster.stop_immediate().await;
    cluster.restart().await;
    cluster.restart().await;
    let row = database.connect().await.query_one("select count(*) from t", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 1);
}

#[tokio::test]
async fn a_paused_cluster_answers_after_it_resumes() {
    let cluster = Cluster::start(ClusterOptions::default()).await;
    let database = cluster.database().await;
    let owner = database.connect().await;
    cluster.pause();
    let query = tokio::spawn(async move { owner.query_one("select 1", &[]).await });
    let error = connect(&short(database.options())).await.unwrap_err();
    assert_eq!(error.get_code(), Some(howdah_error::Code::CannotConnect));
    assert!(!query.is_finished());
    cluster.resume();
    assert!(query.await.unwrap().is_ok());
    wait_until("the cluster takes connections", Duration::from_secs(30), async || {
        connect(database.options()).await.is_ok()
    })
    .await;
}

/// The same with a connect timeout that a test can wait for.
fn short(options: &ConnectOptions) -> ConnectOptions {
    let mut limits = *options.get_limits();
    limits.connect_timeout = Duration::from_millis(300);
    options.clone().limits(limits)
}
