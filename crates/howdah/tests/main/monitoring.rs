//! The alerts and the dashboard of the documentation name only metrics that howdah tells.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;

use howdah_testkit::{Cluster, Persistence, RedisServer, wait_until};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::rig::{PATIENCE, Rig};

/// The metrics of a process that reads from Redis and answers requests: names of samples by labels.
async fn told() -> BTreeSet<String> {
    let database = Cluster::shared().await.database().await;
    let redis = RedisServer::start(Persistence::None).await.unwrap();
    let rig = Rig::new(&database).with_redis(redis.url());
    rig.write("migrations/0001_ticks.sql", "create table ticks (at timestamptz not null);\n");
    let system = format!(
        "[system]\nname = \"{}\"\n[database]\nurl = \"env:HOWDAH_TEST_DATABASE\"\n\
         [http]\nlisten = \"127.0.0.1:0\"\n[streams.ticks]\ntime = \"at\"\n\
         [sources.asked]\nhttp = true\ninto = \"ticks\"\n[sources.read]\ninto = \"ticks\"\n\
         redis = {{ url = \"env:HOWDAH_REDIS_URL\", stream = \"ticks\" }}\n",
        database.name()
    );
    rig.write("howdah.toml", system);
    rig.fine(&["apply"]).await;
    let running = rig.start(&["run"]);
    let log = running.log();
    wait_until("it listens", PATIENCE, || async { log.address().is_some() }).await;
    let mut entries =
        redis::Client::open(redis.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let add = redis::cmd("XADD").arg(&["ticks", "*", "data"]).arg(r#"{"at":"2026-11-20"}"#).take();
    let _: String = add.query_async(&mut entries).await.unwrap();
    let address = log.address().unwrap();
    wait_until("the entry is committed and the source was asked", PATIENCE, || async {
        let text = metrics(address).await;
        text.contains("howdah_shard_behind_entries") && text.contains("last_commit_timestamp")
    })
    .await;
    // The first requests are counted by now.
    names(&metrics(address).await)
}

async fn metrics(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = "GET /metrics HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    reply
}

/// The names of the samples that a text may have, by the kinds of its families.
fn names(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in text.lines() {
        let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|l| l.split_once(' '))
        else {
            continue;
        };
        let suffixes: &[&str] = match kind {
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_sum", "_count"],
            _ => &[""],
        };
        names.extend(suffixes.iter().map(|suffix| format!("{name}{suffix}")));
    }
    names
}

/// Every `howdah_…` of a text.
fn named(text: &str) -> BTreeSet<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c| !is_word(c))
        .filter(|word| word.starts_with("howdah_"))
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn alerts_and_dashboard_name_only_what_there_is() {
    let told = told().await;
    assert!(told.len() > 30, "{told:?}");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/monitoring");
    let mut unknown = BTreeMap::new();
    for (name, least) in [("alerts.yml", 10), ("dashboard.json", 10)] {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        let text = text.lines().filter(|line| !line.trim_start().starts_with("runbook:"));
        let named = named(&text.collect::<Vec<_>>().join("\n"));
        assert!(named.len() >= least, "{name}: {named:?}");
        unknown.extend(named.difference(&told).map(|metric| (metric.clone(), name)));
    }
    assert!(unknown.is_empty(), "no such metrics: {unknown:?}");
    let dashboard = std::fs::read_to_string(folder.join("dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let has_query = |panel: &Value| panel["targets"][0]["expr"].is_string();
    assert!(panels.len() >= 10 && panels.iter().all(has_query));
}
