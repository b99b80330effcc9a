//! `howdah history`: folded by command, read, told, put back.

use howdah_testkit::Cluster;

use crate::rig::Rig;

const TABLE: &str = "create table events (id bigint not null, at timestamptz not null, \
    kind text not null, value numeric not null, primary key (id, at)) partition by range (at);
create table events_old partition of events for values from ('2026-01-01') to ('2026-02-01');
insert into events select n, '2026-01-01'::timestamptz + n * interval '1 minute', \
    'k' || n % 3, n / 4.0 from generate_series(1, 5000) n;";

const SYSTEM: &str = r#"
[system]
name = "{db}"
[database]
url = "env:HOWDAH_TEST_DATABASE"
[streams.events]
time = "at"
key = ["id"]
chunk = "1 month"
segment = { after = "7 days", by = ["kind"] }
"#;

#[tokio::test]
async fn old_chunks_are_folded_told_and_put_back() {
    let database = Cluster::shared().await.database().await;
    let rig = Rig::new(&database);
    rig.write("howdah.toml", SYSTEM.replace("{db}", database.name()));
    rig.write("migrations/0001_events.sql", TABLE);
    rig.fine(&["apply"]).await;
    let connection = rig.connect().await;
    let sums = async |from: &str| -> String {
        let sql = format!("select count(*) || ' ' || sum(value) from {from}");
        connection.query_one(&sql, &[]).await.unwrap().get(0)
    };
    let all = sums("events").await;
    let folded = rig.fine(&["history", "fold"]).await;
    assert!(folded.stderr.contains("5,000 events in 3 segments"), "{}", folded.stderr);
    assert_eq!(sums("events_history").await, all);
    let again = rig.fine(&["history", "fold"]).await;
    assert!(again.stderr.contains("no chunk is due"), "{}", again.stderr);
    let status = rig.fine(&["history", "status", "--format", "json"]).await;
    let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    let stream = &status["streams"][0];
    assert_eq!((&stream["events"], &stream["waiting"]), (&5000.into(), &0.into()), "{status}");
    rig.fine(&["plan"]).await;
    let unknown = rig.howdah(&["history", "restore", "nothing"]).await;
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("HD0603"), "{}", unknown.stderr);
    rig.fine(&["history", "restore", "events"]).await;
    assert_eq!(sums("events").await, all);
}
