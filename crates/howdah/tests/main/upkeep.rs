//! `howdah upkeep` and the upkeep of `howdah run`: killed at every step, two at once, beside those
//! who do not end, after a jump of the clock.

use howdah_pg::Connection;
use howdah_testkit::{Clock, Cluster, ClusterOptions, TestDatabase};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::rig::{Rig, number, texts, until};

/// Days of January 2026 with events of before; those behind them come late.
const TABLE: &str = "create table events (id bigint not null, at timestamptz not null, \
    kind text not null, value numeric not null, primary key (id, at)) partition by range (at);
do $$ begin for day in 1..14 loop execute format('create table events_%s partition of events \
    for values from (%L) to (%L)', day, '2026-01-01'::timestamptz + (day - 1) * interval '1 day', \
    '2026-01-01'::timestamptz + day * interval '1 day'); end loop; end $$;
insert into events select n, '2026-01-01'::timestamptz + n * interval '10 minutes', \
    'k' || n % 3, n / 4.0 from generate_series(0, 2015) n;";

const SYSTEM: &str = r#"
[system]
name = "{db}"
[database]
url = "env:HOWDAH_TEST_DATABASE"
[ingest]
lease = "1 s"
[upkeep]
every = "1 s"
merge_after = "0 s"
[streams.events]
time = "at"
key = ["id"]
chunk = "1 day"
accept = { past = "2 years" }
segment = { after = "7 days", by = ["kind"] }
[sources.events]
file = "e.ndjson"
into = "events"
[rollups.totals]
from = "events"
every = ["1 hour", "1 day"]
by = ["kind"]
sum = "sum(value)"
events = "count(*)"
latest = "last(value)"
"#;

/// Every failpoint that a pass of upkeep comes by.
pub const STEPS: [&str; 14] = [
    "upkeep.taken",
    "upkeep.begun",
    "upkeep.chunk",
    "history.fence",
    "history.made",
    "history.written",
    "history.locked",
    "history.deleted",
    "history.folded",
    "history.vacuumed",
    "upkeep.folded",
    "upkeep.proved",
    "upkeep.noted",
    "upkeep.renew",
];

/// A system with events of long ago.
struct Kept {
    rig: Rig,
    connection: Connection,
}

impl Kept {
    async fn new(database: &TestDatabase) -> Self {
        let rig = Rig::new(database);
        rig.write("howdah.toml", SYSTEM.replace("{db}", database.name()));
        rig.write("migrations/0001_events.sql", TABLE);
        rig.write("e.ndjson", "");
        rig.fine(&["apply"]).await;
        let connection = rig.connect().await;
        connection.batch_execute("set lock_timeout = 0; set statement_timeout = 0").await.unwrap();
        Self { rig, connection }
    }

    /// The number of events and their sums, wherever they are.
    async fn sums(&self) -> String {
        let there = "select exists (select from pg_class where relname = 'events_history')";
        let there: bool = self.connection.query_one(there, &[]).await.unwrap().get(0);
        let from = if there { "events_history" } else { "events" };
        let sql = format!(
            "select count(*) as n, count(distinct (id, at)) as keys, sum(value) as sum, \
             sum(hashtext(kind))::bigint as kinds from {from}"
        );
        texts(&self.connection, &sql).await.remove(0)
    }

    /// A late event of January, or one that is there.
    fn line(&self, id: i64, minute: i64, value: i64) {
        let (day, hour, rest) = (1 + minute / 1440, minute / 60 % 24, minute % 60);
        self.rig.append(
            "e.ndjson",
            format!(
                "{{\"id\": {id}, \"at\": \"2026-01-{day:02}T{hour:02}:{rest:02}:00Z\", \
                 \"kind\": \"k{}\", \"value\": {value}}}\n",
                id % 3
            ),
        );
    }

    async fn once(&self) -> Value {
        let ended = self.rig.fine(&["upkeep", "--once", "--format", "json"]).await;
        serde_json::from_str(&ended.stdout).unwrap()
    }

    /// The same until so many chunks are left to fold: on a busy machine a lock may be another's
    /// for a moment, and is asked for again in the next pass.
    async fn until_left(&self, left: i64) -> Value {
        let mut all = Vec::new();
        for _ in 0..50 {
            let steps = self.once().await;
            all.extend(steps["steps"].as_array().unwrap().iter().cloned());
            let mut done = true;
            for (job, left) in [("fold", left), ("merge", 0), ("retention", 0), ("space", 14)] {
                let job = self.job(job).await;
                done &= job["backlog"].as_i64().unwrap() <= left && job["error"].is_null();
            }
            if done {
                break;
            }
        }
        serde_json::json!({ "steps": all })
    }

    /// What a job did in steps of `upkeep --once`.
    fn did(steps: &Value, job: &str) -> Vec<String> {
        let steps = steps["steps"].as_array().unwrap().iter();
        let steps = steps.filter(|step| step["job"] == job);
        steps.filter_map(|step| step["did"].as_str().map(str::to_owned)).collect()
    }

    async fn job(&self, name: &str) -> Value {
        let ended = self.rig.fine(&["status", "--format", "json"]).await;
        let status: Value = serde_json::from_str(&ended.stdout).unwrap();
        let jobs = status["upkeep"]["jobs"].as_array().unwrap();
        jobs.iter().find(|job| job["job"] == name).cloned().unwrap_or_default()
    }

    async fn left(&self) -> i64 {
        number(&self.connection, "select count(*) from events").await
    }
}

#[tokio::test]
async fn one_pass_folds_merges_proves_and_tells() {
    let database = Cluster::shared().await.database().await;
    let kept = Kept::new(&database).await;
    let all = kept.sums().await;
    let steps = kept.until_left(0).await;
    assert_eq!(Kept::did(&steps, "fold").len(), 14, "{steps}");
    assert_eq!((kept.sums().await, kept.left().await), (all.clone(), 0));
    assert!(!Kept::did(&steps, "proof").is_empty(), "{steps}");
    let again = kept.once().await;
    for job in ["fold", "merge", "space", "chunks"] {
        assert_eq!(Kept::did(&again, job), Vec::<String>::new(), "{again}");
    }
    // Late and repeated events put segments back; the next pass takes them again.
    for (id, minute) in [(1, 10), (5_000, 15), (5_001, 3_000), (7, 70)] {
        kept.line(id, minute, 9);
    }
    kept.rig.fine(&["run", "--once"]).await;
    let back = kept.left().await;
    assert!(back > 2, "{back}");
    kept.rig.fine(&["verify"]).await;
    let merged = kept.until_left(0).await;
    assert!(!Kept::did(&merged, "merge").is_empty(), "{merged}");
    assert_eq!(kept.left().await, 0);
    assert_eq!(number(&kept.connection, "select count(*) from events_history").await, 2_018);
    kept.rig.fine(&["verify"]).await;
    let fold = kept.job("fold").await;
    assert_eq!((&fold["backlog"], &fold["steps"]), (&0.into(), &14.into()), "{fold}");
    let text = kept.rig.fine(&["status"]).await.stdout;
    assert!(text.contains("upkeep is done by nobody") && text.contains("merge"), "{text}");
    kept.rig.fine(&["plan"]).await;
}

#[tokio::test]
async fn a_wrong_rollup_in_a_folded_range_is_found() {
    let database = Cluster::shared().await.database().await;
    let kept = Kept::new(&database).await;
    kept.until_left(0).await;
    kept.connection
        .batch_execute(
            "update totals_1h set events = events + 1 where bucket = '2026-01-03 05:00Z' \
             and kind = 'k1'; delete from totals_1d where bucket = '2026-01-05' and kind = 'k2'",
        )
        .await
        .unwrap();
    let mut warnings = String::new();
    for _ in 0..200 {
        kept.once().await;
        warnings = kept.job("proof").await["warnings"].to_string();
        if warnings.contains("totals_1h") && warnings.contains("totals_1d") {
            break;
        }
    }
    assert!(warnings.contains("totals_1h is not right (2026-01-03"), "{warnings}");
    assert!(warnings.contains("1 rows are missing, 1 are wrong"), "{warnings}");
    assert!(warnings.contains("1 rows are missing, 0 are wrong"), "{warnings}");
    kept.rig.fine(&["rebuild", "totals"]).await;
    for _ in 0..200 {
        kept.once().await;
        if kept.job("proof").await["warnings"] == Value::Array(Vec::new()) {
            return;
        }
    }
    panic!("{}", kept.job("proof").await);
}

#[tokio::test]
async fn a_kill_at_any_step_loses_and_doubles_nothing() {
    let database = Cluster::shared().await.database().await;
    let kept = Kept::new(&database).await;
    let all = kept.sums().await;
    for step in STEPS {
        // There has to be a chunk to make.
        kept.connection
            .batch_execute(
                "do $$ declare newest text; begin select i.inhrelid::regclass::text into newest \
                 from pg_inherits i where inhparent = 'events'::regclass \
                 order by i.inhrelid::regclass::text desc limit 1; \
                 execute 'drop table ' || newest; end $$",
            )
            .await
            .unwrap();
        let slow = if step == "upkeep.renew" { ";upkeep.proved=sleep:2000" } else { "" };
        let armed = format!("{step}=kill@1{slow}");
        let mut running =
            kept.rig.start_with(&["upkeep", "--once"], &[("HOWDAH_FAILPOINTS", &armed)]);
        assert_eq!(running.wait().await, None, "went by {step}: {}", running.said());
        assert_eq!(kept.sums().await, all, "{step}");
    }
    kept.until_left(0).await;
    assert_eq!((kept.sums().await, kept.left().await), (all, 0));
    kept.rig.fine(&["verify"]).await;
    kept.rig.fine(&["plan"]).await;
}

#[tokio::test]
async fn of_two_one_works_and_the_other_takes_over() {
    let database = Cluster::shared().await.database().await;
    let kept = Kept::new(&database).await;
    // A run that serves requests does not end with its files.
    let system = SYSTEM.replace("{db}", database.name());
    kept.rig.write("howdah.toml", format!("{system}[http]\nlisten = \"127.0.0.1:0\"\n"));
    let all = kept.sums().await;
    // Stopped within the transaction that has taken the rows of a chunk and not committed.
    let armed = [("HOWDAH_FAILPOINTS", "history.deleted=stop@2")];
    let mut first = kept.rig.start_with(&["upkeep"], &armed);
    let owned = "select exists (select from howdah.upkeep_lease where owner is not null)";
    until("the first owns the upkeep", &kept.connection, owned).await;
    let mut second = kept.rig.start(&["run"]);
    let folded = "select count(*) <= 11 * 144 from events";
    until("the second folds some", &kept.connection, folded).await;
    assert!(first.is_stopped(), "{}", first.said());
    assert_eq!(kept.sums().await, all);
    let epoch = "select epoch from howdah.upkeep_lease";
    assert_eq!(number(&kept.connection, epoch).await, 2);
    // Whoever does not wait for it is told who has it.
    let refused = kept.rig.howdah(&["upkeep", "--once"]).await;
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("HD0407"), "{}", refused.stderr);
    first.signal(Signal::SIGCONT);
    second.kill9().await;
    let back = "select epoch > 2 and owner is not null from howdah.upkeep_lease";
    until("the first goes on", &kept.connection, back).await;
    assert_eq!(kept.sums().await, all);
    first.signal(Signal::SIGTERM);
    assert_eq!(first.wait().await, Some(0), "{}", first.said());
    let free = "select owner is null from howdah.upkeep_lease";
    until("it is given back", &kept.connection, free).await;
}

#[tokio::test]
async fn readers_and_writers_that_do_not_end_delay_it_and_wait_for_nothing() {
    let database = Cluster::shared().await.database().await;
    let kept = Kept::new(&database).await;
    let all = kept.sums().await;
    let (reader, writer) = (kept.rig.connect().await, kept.rig.connect().await);
    let begin = "set idle_in_transaction_session_timeout = 0; set lock_timeout = '2 s'; \
                 set application_name = 'somebody'; begin isolation level repeatable read";
    reader.batch_execute(&format!("{begin}; select count(*) from events")).await.unwrap();
    let insert = "insert into events values (9000, '2026-01-04 12:00:30Z', 'k0', 0)";
    writer.batch_execute(&format!("{begin}; {insert}")).await.unwrap();
    let steps = kept.until_left(1).await;
    assert_eq!(Kept::did(&steps, "fold").len(), 13, "{steps}");
    let fold = kept.job("fold").await;
    assert_eq!(fold["backlog"], 1, "{fold}");
    let waits = fold["waits_for"].as_str().unwrap();
    assert!(waits.contains("(somebody)") && waits.contains("events_4"), "{waits}");
    let waits = kept.job("space").await;
    assert!(waits["waits_for"].as_str().unwrap().contains("has a transaction open"), "{waits}");
    // The old moment is whole, and the writer goes on.
    assert_eq!(number(&reader, "select count(*) from events").await, 2_016);
    writer.batch_execute("update events set value = 1 where id = 9000; commit").await.unwrap();
    reader.batch_execute("commit").await.unwrap();
    let steps = kept.until_left(0).await;
    assert_eq!(Kept::did(&steps, "fold").len(), 1, "{steps}");
    assert_eq!(kept.left().await, 0);
    assert_ne!(kept.sums().await, all);
    assert_eq!(number(&kept.connection, "select count(*) from events_history").await, 2_017);
    // Chunks are not waited for with a lock in hand either.
    let drop = "do $$ begin execute 'drop table ' || (select max(inhrelid::regclass::text) from \
                pg_inherits where inhparent = 'events'::regclass); end $$";
    kept.connection.batch_execute(drop).await.unwrap();
    let lock = "begin; lock table events in share update exclusive mode";
    writer.batch_execute(lock).await.unwrap();
    kept.once().await;
    let chunks = kept.job("chunks").await;
    assert_eq!(chunks["backlog"], 1, "{chunks}");
    assert!(chunks["waits_for"].as_str().unwrap().contains("lock"), "{chunks}");
    writer.batch_execute("commit").await.unwrap();
    assert_eq!(Kept::did(&kept.once().await, "chunks").len(), 1);
}

#[tokio::test]
async fn a_clock_that_jumps_by_90_days_finds_its_chunks() {
    let Some(clock) = Clock::new() else {
        println!("skipped: libfaketime is not installed");
        return;
    };
    let mut cluster = Cluster::start(ClusterOptions::default()).await;
    let database = cluster.database().await;
    let mut kept = Kept::new(&database).await;
    clock.set(90 * 86_400);
    drop(kept.connection);
    cluster.restart_under(clock.server_environment()).await;
    kept.connection = kept.rig.connect().await;
    let row = "insert into events values (9000, now() + interval '1 day', 'k0', 1)";
    let refused = kept.connection.batch_execute(row).await.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "23514");
    // A writer of howdah makes its chunk by itself, whoever does the upkeep.
    let at: String = kept
        .connection
        .query_one(
            "select to_char(now() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    let line = format!("{{\"id\": 9001, \"at\": \"{at}\", \"kind\": \"k1\", \"value\": 1}}\n");
    kept.rig.append("e.ndjson", line);
    kept.rig.fine(&["run", "--once"]).await;
    let letters = "select count(*) from howdah.dead_letters";
    assert_eq!(number(&kept.connection, letters).await, 0);
    let steps = kept.once().await;
    assert!(Kept::did(&steps, "chunks")[0].starts_with("made "), "{steps}");
    kept.connection.batch_execute(row).await.unwrap();
    // Late times within what is accepted have chunks too, up to a month of them.
    let late = "insert into events select 9100 + n, now() - n * interval '1 day', 'k0', 1 \
                from generate_series(1, 25) n";
    kept.connection.batch_execute(late).await.unwrap();
}

#[tokio::test]
async fn mistakes_of_its_section_are_told() {
    let database = Cluster::shared().await.database().await;
    let rig = Rig::new(&database);
    let system = SYSTEM.replace("{db}", database.name());
    let wrong = system.replace(
        "every = \"1 s\"",
        "every = \"0 s\"\nwindow = \"22-6\"\ndisk = \"much\"\nfolds = 1",
    );
    rig.write("howdah.toml", wrong);
    let ended = rig.howdah(&["config", "show"]).await;
    assert_eq!(ended.code, Some(2));
    for part in ["must be at least 1 s", "is not a window of time", "is not a size", "\"folds\""] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
}

#[tokio::test]
async fn heavy_jobs_keep_to_their_window() {
    let database = Cluster::shared().await.database().await;
    let kept = Kept::new(&database).await;
    let minute = "select (extract(epoch from now())::bigint / 60 % 1440)";
    let minute = number(&kept.connection, minute).await;
    let at = |minute: i64| format!("{:02}:{:02}", minute % 1440 / 60, minute % 60);
    let window = format!("every = \"1 s\"\nwindow = \"{}-{}\"", at(minute + 120), at(minute + 180));
    let system = SYSTEM.replace("{db}", database.name()).replace("every = \"1 s\"", &window);
    kept.rig.write("howdah.toml", system);
    let steps = kept.once().await;
    assert_eq!(Kept::did(&steps, "fold"), Vec::<String>::new(), "{steps}");
    let waits = kept.job("fold").await["waits_for"].as_str().unwrap().to_owned();
    assert!(waits.contains("(UTC) is closed"), "{waits}");
}

#[tokio::test]
async fn other_policies_of_existing_data_are_plans() {
    let database = Cluster::shared().await.database().await;
    let kept = Kept::new(&database).await;
    let all = kept.sums().await;
    kept.until_left(0).await;
    let system = SYSTEM.replace("{db}", database.name());
    // Other plain columns: chunk by chunk, and killed in between.
    kept.rig.write("howdah.toml", system.replace(", by = [\"kind\"]", ""));
    let planned = kept.rig.howdah(&["plan"]).await;
    assert_eq!(planned.code, Some(1), "{}", planned.stderr);
    assert!(planned.stdout.contains("[regroup events]"), "{}", planned.stdout);
    let refused = kept.rig.howdah(&["run", "--once"]).await;
    assert!(refused.stderr.contains("HD0402"), "{}", refused.stderr);
    let armed = [("HOWDAH_FAILPOINTS", "upkeep.restored=kill@3")];
    let mut apply = kept.rig.start_with(&["apply"], &armed);
    assert_eq!(apply.wait().await, None, "{}", apply.said());
    assert_eq!(kept.sums().await, all);
    kept.rig.fine(&["apply"]).await;
    kept.rig.fine(&["plan"]).await;
    // The chunk at which it was killed is folded by upkeep.
    assert_eq!(kept.left().await, 144);
    kept.until_left(0).await;
    assert_eq!((kept.sums().await, kept.left().await), (all.clone(), 0));
    let keyed = "select count(*) from pg_attribute where attname = 'kind' and attnum > 0 \
                 and attrelid = (select to_regclass(relation) from howdah.layouts \
                 order by layout desc limit 1) and atttypid = 'text[]'::regtype";
    assert_eq!(number(&kept.connection, keyed).await, 1);
    // No policy: everything is put back.
    let line = "segment = { after = \"7 days\", by = [\"kind\"] }\n";
    kept.rig.write("howdah.toml", system.replace(line, ""));
    let planned = kept.rig.howdah(&["plan"]).await;
    assert!(planned.stdout.contains("[unfold events]"), "{}", planned.stdout);
    kept.rig.fine(&["apply"]).await;
    kept.rig.fine(&["plan"]).await;
    assert_eq!((kept.sums().await, kept.left().await), (all, 2_016));
    kept.rig.fine(&["verify"]).await;
    // Wider chunks: the old ones stay, new ones begin where these end.
    let wider = system.replace(line, "").replace("chunk = \"1 day\"", "chunk = \"1 week\"");
    kept.rig.write("howdah.toml", wider);
    kept.rig.fine(&["apply"]).await;
    let planned = kept.rig.fine(&["plan"]).await;
    assert!(planned.stdout.contains("are of another width than 1 week"), "{}", planned.stdout);
    let week = "insert into events select 9000 + n, now() + n * interval '1 day', 'k0', 1 \
                from generate_series(0, 20) n";
    kept.connection.batch_execute(week).await.unwrap();
    kept.once().await;
}

#[tokio::test]
async fn what_is_kept_no_longer_goes_and_rollups_stay() {
    let database = Cluster::shared().await.database().await;
    let kept = Kept::new(&database).await;
    kept.until_left(0).await;
    let system = SYSTEM.replace("{db}", database.name());
    kept.rig.write("howdah.toml", system.replace("segment =", "keep = \"30 days\"\nsegment ="));
    let steps = kept.until_left(0).await;
    let did = Kept::did(&steps, "retention");
    // All of January, and what is empty and as old.
    let dropped = did.iter().filter(|did| did.starts_with("dropped ")).count();
    assert!((14..17).contains(&dropped), "{steps}");
    let retention = kept.job("retention").await;
    assert_eq!((&retention["backlog"], &retention["waits_for"]), (&0.into(), &Value::Null));
    assert_eq!(number(&kept.connection, "select count(*) from events_history").await, 0);
    let counted = "select sum(events)::bigint from totals_1d";
    assert_eq!(number(&kept.connection, counted).await, 2_016);
    kept.rig.fine(&["verify"]).await;
    kept.rig.fine(&["plan"]).await;
    // What is gone is not made again, and what comes for it is told.
    let again = kept.once().await;
    assert_eq!(Kept::did(&again, "chunks"), Vec::<String>::new(), "{again}");
    kept.line(1, 10, 9);
    kept.rig.fine(&["run", "--once"]).await;
    let letters = "select count(*) from howdah.dead_letters where code = 'no_longer_kept'";
    assert_eq!(number(&kept.connection, letters).await, 1);
}
