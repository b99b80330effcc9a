//! The proxy's faults between a client and PostgreSQL.

use std::time::Duration;

use howdah_pg::{ConnectOptions, Fault, classify, connect};
use howdah_testkit::{Cluster, TcpProxy, wait_until};

#[tokio::test]
async fn a_cut_ends_open_connections_and_lets_new_ones_pass() {
    let cluster = Cluster::shared().await;
    let database = cluster.database().await;
    let proxy = TcpProxy::start(cluster.port()).await;
    let options = ConnectOptions::from_url(&database.url_via(&proxy)).unwrap();
    let first = connect(&options).await.unwrap();
    first.query_one("select 1", &[]).await.unwrap();
    proxy.cut();
    let error = first.query_one("select 1", &[]).await.unwrap_err();
    assert_eq!(classify(&error), Fault::Reconnect, "{error:?}");
    let second = connect(&options).await.unwrap();
    second.query_one("select 1", &[]).await.unwrap();
    proxy.refuse(true);
    assert!(connect(&options).await.is_err());
    second.query_one("select 1", &[]).await.unwrap();
    proxy.refuse(false);
    connect(&options).await.unwrap();
}

#[tokio::test]
async fn the_reply_of_a_commit_can_be_lost() {
    let cluster = Cluster::shared().await;
    let database = cluster.database().await;
    let proxy = TcpProxy::start(cluster.port()).await;
    let options = ConnectOptions::from_url(&database.url_via(&proxy)).unwrap();
    let direct = database.connect().await;
    direct.batch_execute("create table t (a int)").await.unwrap();

    let client = connect(&options).await.unwrap();
    client.batch_execute("begin; insert into t values (1)").await.unwrap();
    proxy.hold_replies(true);
    let commit = tokio::spawn(async move { client.batch_execute("commit").await });
    wait_until("the reply is held", Duration::from_secs(30), async || proxy.held_bytes() > 0).await;
    proxy.cut();
    assert!(commit.await.unwrap().is_err());
    let row = direct.query_one("select count(*) from t", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 1);
}
