//! Retention by organisation, R23: what an organisation has agreed on decides, within the law's
//! bounds; a hold stops it; figures stay.

use howdah_history::keep::{self, NoArchive};
use serde_json::{Value, json};

use super::world::{aircraft, migrations, system};
use crate::calls::world::Feeds;
use crate::engine::{Engine, fine};

/// Days between now and the samples of a flight: on both sides of every organisation's bound, with
/// more than a chunk of a day in between.
const AGES: [i64; 9] = [30, 200, 1_000, 1_090, 1_100, 1_500, 1_820, 1_832, 4_000];

/// Name, what is agreed on for samples, hold, days that samples may be old: a year, where nothing
/// is agreed on.
const ORGANISATIONS: [(&str, &str, bool, i64); 4] = [
    ("brief", "interval '90 days'", false, 90),
    ("plain", "null", false, 365),
    ("long", "interval '5 years'", false, 1_826),
    ("held", "interval '3 years'", true, i64::MAX),
];

/// Samples of a flight of each age, ten seconds apart.
async fn samples(engine: &Engine, org: &str, number: usize) -> Vec<Value> {
    let mut out = Vec::new();
    for (place, age) in AGES.iter().enumerate() {
        let start = format!("date_trunc('day', now(), 'UTC') - interval '{age} days' + '10 hours'");
        // A session's id tells when it begins.
        let id = format!(
            "select (lpad(to_hex((extract(epoch from {start}) * 1000)::bigint), 12, '0') || \
             '70018000{:012x}')::uuid::text",
            number * 100 + place
        );
        let id = engine.texts(&id).await.remove(0);
        engine
            .run(&format!(
                "insert into flight_session (org_id, session_id, aircraft_id, pilot, planned) \
                 values ('{org}', '{id}', 'A-{number}', 'p-1', \
                 tstzrange({start}, {start} + interval '1 hour'))"
            ))
            .await;
        for second in [0, 10, 20] {
            let time = format!(
                "select to_char(({start} + interval '{second} s') at time zone 'UTC', \
                 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
            );
            let ts = engine.texts(&time).await.remove(0);
            out.push(json!({"org": org, "session": id, "aircraft": format!("A-{number}"),
                "ts": ts, "seq": second, "alt_m": 50.0, "groundspeed": 4.0}));
        }
    }
    out
}

/// Takes away what is due of every stream; gives what was done.
async fn retention(engine: &Engine) -> Vec<String> {
    let (catalog, system) = engine.model().await;
    let mut done = Vec::new();
    for stream in &system.streams {
        loop {
            let step = keep::step(&engine.client, &system, &catalog, stream, &NoArchive);
            let kept = fine(Box::pin(step).await);
            assert_eq!(kept.waits, None, "after {done:?}");
            let Some(did) = kept.did else { break };
            done.push(did);
        }
    }
    done
}

/// Ages in days of the samples of an organisation, by their flights.
async fn ages(engine: &Engine, org: &str) -> Vec<i64> {
    let sql = format!(
        "select extract(day from date_trunc('day', now(), 'UTC') - date_trunc('day', ts, 'UTC'))\
         ::text from telemetry_history where org_id = '{org}' group by session_id, 1 \
         having count(*) = 3 order by min(ts) desc"
    );
    engine.texts(&sql).await.iter().map(|age| age.parse().unwrap()).collect()
}

async fn figures(engine: &Engine) -> Vec<String> {
    let mut out = engine.texts("select t::text from session_quality t order by 1").await;
    out.extend(engine.texts("select t::text from session_envelope t order by 1").await);
    out
}

#[tokio::test]
async fn r23_an_organisation_keeps_as_long_as_was_agreed() {
    let engine = Engine::applied(&migrations(), &system()).await;
    let mut feeds = Feeds::new(&engine);
    let mut late = Vec::new();
    for (number, (org, agreed, hold, _)) in ORGANISATIONS.into_iter().enumerate() {
        aircraft(&engine, org, &format!("A-{number}"), "multirotor", 4).await;
        let sql = format!(
            "update organization set keep_samples = {agreed}, legal_hold = {hold}, \
             row_version = row_version + 1 where org_id = '{org}'"
        );
        engine.run(&sql).await;
        let told = samples(&engine, org, number).await;
        feeds.all_new("telemetry", &told).await;
        late.extend(told.into_iter().skip(5 * 3).step_by(3).take(1).map(|mut sample| {
            sample["seq"] = json!(77);
            sample
        }));
    }
    // Every second chunk is in segments.
    let (catalog, system) = engine.model().await;
    let telemetry = system.streams.iter().find(|stream| stream.name == "telemetry").unwrap();
    let chunks = fine(howdah_history::chunks::read(&engine.client, telemetry).await);
    for chunk in chunks.iter().filter(|chunk| chunk.filled).step_by(2) {
        let fold = howdah_history::fold_chunk(&engine.client, &system, &catalog, telemetry, chunk);
        assert!(fine(Box::pin(fold).await).rows > 0);
    }
    let before = figures(&engine).await;

    let done = retention(&engine).await;
    for (org, _, _, most) in ORGANISATIONS {
        let want: Vec<i64> = AGES.into_iter().filter(|age| *age < most).collect();
        assert_eq!(ages(&engine, org).await, want, "{org}, after {done:#?}");
        let sql = format!("select count(*) from telemetry_history where org_id = '{org}'");
        assert_eq!(engine.one::<i64>(&sql).await, 3 * want.len() as i64, "{org}");
    }
    assert_eq!(figures(&engine).await, before, "figures outlive their samples");
    engine.assert_proved().await;
    // It is on record whose events went, from when to when and how many.
    let report = "select coalesce(tenant, '') || ' ' || sum(events) from howdah.drops \
                  where done_at is not null group by tenant order by 1";
    assert_eq!(engine.texts(report).await, ["brief 24", "long 6", "plain 21"]);

    // What comes after it is not told from a repetition, so it is refused; who is on hold takes it.
    let told = feeds.send("telemetry", &late).await;
    assert_eq!(told, (2, 0, 2), "of 1,500 days: two have lost them, long and held have not");
    // The hold ends, and so does what it has kept.
    engine
        .run(
            "update organization set legal_hold = false, row_version = row_version + 1 \
             where org_id = 'held'",
        )
        .await;
    retention(&engine).await;
    assert_eq!(ages(&engine, "held").await, [30, 200, 1_000, 1_090]);
    assert_eq!(figures(&engine).await.len(), before.len());
    engine.assert_proved().await;
}
