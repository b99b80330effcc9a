//! Segments elsewhere: dumped and restored, and replicated logically. They are ordinary tables, a
//! view and functions.

use std::time::Duration;

use howdah_pg::ConnectOptions;
use howdah_pg::server::Install;
use howdah_testkit::{Cluster, ClusterOptions, wait_until};

use crate::rig::{Rig, fine};
use crate::worked::{ALL, SYSTEM, TRADES};

/// Runs a program of the server's installation.
async fn program(name: &str, arguments: &[&str]) -> Vec<u8> {
    let installation = fine(Install::all()).remove(0);
    let output = tokio::process::Command::new(installation.bin.join(name))
        .args(arguments)
        .output()
        .await
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {told}");
    output.stdout
}

#[tokio::test]
async fn segments_are_dumped_restored_and_replicated() {
    let options = ClusterOptions {
        extra_settings: vec![("wal_level".to_owned(), "logical".to_owned())],
        ..ClusterOptions::default()
    };
    let cluster = Cluster::start(options).await;
    let rig = Rig::on(&cluster, TRADES, SYSTEM).await;
    rig.fold_all().await;
    let all = rig.texts(&ALL.replace("{}", "trades_history")).await;
    assert_eq!(all.len(), 16_002);
    // A superuser dumps: forced row security hides rows from everybody else but the owner's login.
    let admin = rig.db.admin().await;
    let name = rig.db.name().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dump").display().to_string();
    let url = |database: &str| {
        let url = cluster.server().unwrap().admin_url();
        let (front, _) = url.rsplit_once('/').unwrap();
        format!("{front}/{database}")
    };
    program("pg_dump", &["--format=custom", "--file", &file, &url(&name)]).await;
    admin.batch_execute(&format!("create database {name}_copy")).await.unwrap();
    let copy_url = url(&format!("{name}_copy"));
    program("pg_restore", &["--dbname", &copy_url, &file]).await;
    let copy = fine(howdah_pg::connect(&fine(ConnectOptions::from_url(&copy_url))).await);
    let sql = ALL.replace("{}", "trades_history");
    let rows: Vec<String> =
        copy.query(&sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(rows, all);
    // The copy follows what is folded and thawed here.
    copy.batch_execute("truncate trades_segments_1, trades").await.unwrap();
    admin.batch_execute("create publication p for table trades, trades_segments_1").await.unwrap();
    admin.query("select pg_create_logical_replication_slot('s', 'pgoutput')", &[]).await.unwrap();
    copy.batch_execute(&format!(
        "create subscription s connection '{}' publication p with (create_slot = false, \
         slot_name = 's', copy_data = true)",
        url(&name)
    ))
    .await
    .unwrap();
    let same = async || {
        let there = copy.query(&sql, &[]).await.unwrap();
        let there: Vec<String> = there.iter().map(|row| row.get(0)).collect();
        there == all
    };
    wait_until("the copy has all", Duration::from_secs(120), same).await;
    let chunk = rig.chunks().await.remove(0);
    let stream = rig.stream().await;
    let back = fine(howdah_history::restore_chunk(&rig.client, &stream, &chunk).await);
    assert!(back > 8_000);
    wait_until("the copy follows", Duration::from_secs(120), || async {
        let count = copy.query_one("select count(*) from trades", &[]).await.unwrap();
        count.get::<_, i64>(0) == back
    })
    .await;
    assert!(same().await);
    copy.batch_execute("alter subscription s disable; alter subscription s set (slot_name = none)")
        .await
        .unwrap();
    copy.batch_execute("drop subscription s").await.unwrap();
}
