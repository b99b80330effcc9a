//! The numbers that the brief works out by hand, and its examples.

use serde_json::{Value, json};

use super::world::{Named, aircraft, at, hangar, session};
use crate::calls::world::Feeds;
use crate::engine::Engine;

/// The twelve channels that a fixed wing must tell, and no other.
fn twelve(after_s: i64, seq: i64, alt: f64) -> Value {
    json!({"ts": at(after_s), "seq": seq, "alt_m": alt, "airspeed": 20.0, "groundspeed": 19.0,
        "throttle_pct": 50.0, "elevator": 1.0, "aileron": 0.5, "rudder": 0.1, "pitch": 2.0,
        "roll": 1.0, "motor_rpm": [5000.0], "batt_v": 15.1, "gps_hdop": 0.8})
}

/// One text of a query.
pub async fn text(engine: &Engine, sql: &str) -> String {
    engine.texts(sql).await.join(";")
}

/// Seconds whose heights cannot be.
const WRONG: [i64; 6] = [7, 107, 307, 407, 507, 599];

#[tokio::test]
async fn r5_vector_qv1_is_0_9702() {
    let engine = hangar().await;
    aircraft(&engine, "qv", "W-1", "fixed_wing", 1).await;
    let id = session(&engine, "qv", "W-1", 0).await;
    let about = Named { org: "qv", craft: "W-1", id: &id };
    // 600 s at 1 Hz; one gap of 31 s; six heights that cannot be.
    let samples: Vec<Value> = (0..=600)
        .filter(|second| !(200..230).contains(second))
        .map(|second| twelve(second, second, if WRONG.contains(&second) { 25_000.0 } else { 80.0 }))
        .collect();
    assert_eq!(samples.len(), 571);
    let file = about.say(0, &json!({"declared_hz": 1, "samples": samples}));
    Feeds::new(&engine).all_new("telemetry_files", &[file]).await;
    let score = "select concat_ws(' ', n, expected, faults, checked, round(completeness, 4), \
                 round(gaps, 4), round(range_ok, 4), fields::integer, time_ok::integer, quality, \
                 band) \
                 from session_quality";
    assert_eq!(text(&engine, score).await, "571 601 6 6852 0.9501 0.9517 0.9991 1 1 0.9702 A");
}

#[tokio::test]
async fn r4_what_cannot_be_is_flagged_and_what_exceeds_is_kept() {
    let engine = hangar().await;
    aircraft(&engine, "lim", "M-1", "multirotor", 4).await;
    let id = session(&engine, "lim", "M-1", 0).await;
    let about = Named { org: "lim", craft: "M-1", id: &id };
    let sample = |second: i64, alt: f64, speed: f64| {
        about.say(
            second,
            &json!({"seq": second, "alt_m": alt, "groundspeed": speed,
            "motor_rpm": [4000, 4000, 4000, 4000], "lat": if second == 3 { 120.5 } else { 50.0 },
            "batt_pct": if second == 4 { -3.0 } else { 50.0 }}),
        )
    };
    // A dive of 60 m/s is more than any multirotor should: evidence, and no fault.
    let live = [
        sample(0, 25_000.0, 10.0),
        sample(1, 100.0, 10.0),
        sample(2, 90.0, 60.0),
        sample(3, 80.0, 12.0),
        sample(4, 79.0, 12.0),
    ];
    let mut feeds = Feeds::new(&engine);
    feeds.all_new("telemetry", &live).await;
    let rows = "select string_agg(faults::text, ' ' order by ts) from telemetry";
    assert_eq!(text(&engine, rows).await, "4 0 0 1 16");
    let extremes =
        "select concat_ws(' ', n, faulty, alt_max, groundspeed_max) from session_envelope";
    assert_eq!(text(&engine, extremes).await, "5 3 100 60");
    let outside = "select concat_ws(' ', alt_max_s, speed_max_s) from session_outside";
    assert_eq!(text(&engine, outside).await, "0 1");
    let told = about.say(
        0,
        &json!({"start": at(2), "end": at(2), "limit_code": "SPEED_MAX",
        "peak": 60.0, "limit_value": 25.0}),
    );
    feeds.all_new("exceedance", &[told]).await;
    // Its own limit, from now on, goes before that of the type.
    engine
        .run(
            "insert into envelope (org_id, envelope_id, aircraft_id, valid, speed_max) values \
              ('lim', gen_random_uuid(), 'M-1', '[2026-10-01,)', 70)",
        )
        .await;
    assert_eq!(text(&engine, outside).await, "0 0");
}

/// Wing, legs and hours of the vector: 620 h in one flight.
async fn long_flight(engine: &Engine, feeds: &mut Feeds<'_>, after_s: i64) {
    let id = session(engine, "mv", "V-1", after_s).await;
    let about = Named { org: "mv", craft: "V-1", id: &id };
    feeds.all_new("session_event", &[about.step(after_s, "planned")]).await;
    let events = [about.event(after_s, "takeoff"), about.event(after_s + 620 * 3600, "land")];
    feeds.all_new("flight_event", &events).await;
}

#[tokio::test]
async fn vector_mv1_is_85_6_and_critical() {
    let engine = hangar().await;
    aircraft(&engine, "mv", "V-1", "vtol", 5).await;
    aircraft(&engine, "mv", "NEVER", "vtol", 5).await;
    models(&engine).await;
    let mut feeds = Feeds::new(&engine);
    long_flight(&engine, &mut feeds, -40 * 86_400).await;
    // Now is 2026-11-15. Flights of risk 0.8 ten days ago, and one of 0.62 two days ago.
    let flights = [(-10, 0.8), (-11, 0.8), (-12, 0.8), (-2, 0.62)];
    let mut ids = Vec::new();
    for (days, risk) in flights {
        let after_s = (14 + days) * 86_400;
        let id = session(&engine, "mv", "V-1", after_s).await;
        let about = Named { org: "mv", craft: "V-1", id: &id };
        feeds.all_new("session_event", &[about.step(after_s, "planned")]).await;
        let run = result(&about, after_s + 3600, "risk", 1, &json!({"risk_score": risk}));
        let found = json!({"anomaly_score": 0.5});
        let found = result(&about, after_s + 3600, "anomaly", 1, &found);
        feeds.all_new("analysis_result", &[run, found]).await;
        ids.push((id, after_s));
    }
    // Motor in two flights, battery and vibration in one each; the first is noisy and counts once.
    let anomalies =
        [(0, "motor", 1), (0, "motor", 2), (1, "motor", 1), (2, "battery", 1), (3, "vibration", 1)];
    for (flight, category, ordinal) in anomalies {
        let (id, after_s) = &ids[flight];
        let about = Named { org: "mv", craft: "V-1", id };
        let analysis = analysis_id(after_s + 3600, "anomaly", 1);
        let anomaly = about.say(
            after_s + 60 + ordinal,
            &json!({"analysis_id": analysis,
            "ordinal": ordinal, "category": category, "severity": "critical", "score": 0.9}),
        );
        feeds.all_new("anomaly", &[anomaly]).await;
    }
    engine
        .run(
            "insert into maintenance_task (org_id, aircraft_id, task_code, interval_days, \
              starts_at) values ('mv', 'V-1', 'ANNUAL', 30, '2026-10-21')",
        )
        .await;
    let score = "select concat_ws(' ', trim_scale(score), band, \
                 trim_scale((reasons ->> 'anomalies')::numeric), \
                 trim_scale((reasons ->> 'risk')::numeric), \
                 trim_scale((reasons ->> 'high_risk')::numeric), reasons ->> 'due', \
                 reasons ->> 'hours') \
                 from maintenance_score('2026-11-15') order by score desc";
    assert_eq!(text(&engine, score).await, "85.6 critical 28 18.6 9 25 5;0 low 0 0 0 0 0");
    // J15: one commit later it is overdue.
    let overdue = "select overdue::text from due_list('2026-11-21')";
    assert_eq!(text(&engine, overdue).await, "true");
    let done = json!({"org": "mv", "event_id": analysis_id(19 * 86_400, "risk", 9),
        "ts": at(19 * 86_400), "kind": "task_done", "aircraft": "V-1", "task": "ANNUAL",
        "certifier": "p-1"});
    feeds.all_new("maintenance_event", &[done]).await;
    assert_eq!(text(&engine, overdue).await, "false");
}

/// The models of the tests; 2.0 is approved.
pub async fn models(engine: &Engine) {
    for kind in ["risk", "anomaly", "type_detection"] {
        let sql = format!(
            "insert into model_version (model_type, model_version, artefact_sha256) values \
             ('{kind}', '2.0', sha256('{kind}')), ('{kind}', '3.0', sha256('{kind}3')); \
             insert into approved_model (model_type, model_version, approved_by) \
             values ('{kind}', '2.0', 'p-1')"
        );
        engine.run(&sql).await;
    }
}

/// The id of a run that was made then.
pub fn analysis_id(after_s: i64, model: &str, run: u64) -> String {
    let number = run + 100 * model.len() as u64;
    super::world::session_id(after_s, number)
}

/// A run's result.
pub fn result(about: &Named<'_>, after_s: i64, model: &str, run: u64, more: &Value) -> Value {
    let mut message = about.say(after_s, more);
    message["analysis_id"] = json!(analysis_id(after_s, model, run));
    message["model_type"] = json!(model);
    message["model_version"] = json!("2.0");
    message["run_no"] = json!(run);
    message
}

/// §4.2: where no event tells, the samples do.
#[tokio::test]
async fn take_off_and_landing_are_found_in_samples_by_rule_1() {
    let engine = hangar().await;
    aircraft(&engine, "find", "M-1", "multirotor", 4).await;
    let id = session(&engine, "find", "M-1", 0).await;
    let about = Named { org: "find", craft: "M-1", id: &id };
    // On the ground, one bump, up from 10 s, down at 50 s.
    let samples: Vec<Value> = (0..60)
        .map(|second| {
            let flies = (10..50).contains(&second) || second == 5;
            about.say(
                second,
                &json!({"seq": second, "alt_m": if flies { 60.0 } else { 41.0 },
                "groundspeed": if flies { 4.0 } else { 0.0 }}),
            )
        })
        .collect();
    Feeds::new(&engine).all_new("telemetry", &samples).await;
    let found = format!(
        "select extract(epoch from takeoff_at - '2026-11-01')::integer || ' ' || \
         extract(epoch from landing_at - '2026-11-01')::integer || ' ' || rule \
         from flight_times('find', '{id}')"
    );
    assert_eq!(text(&engine, &found).await, "10 49 1");
}

/// §3.1 of the brief, as it stands there but for whole ids and the organisation.
#[tokio::test]
async fn every_message_of_the_brief_is_taken() {
    let engine = hangar().await;
    aircraft(&engine, "skyops", "N1034D", "multirotor", 4).await;
    models(&engine).await;
    engine
        .run(
            "insert into model_version (model_type, model_version, artefact_sha256) values \
              ('risk', '2.0.0', sha256('a')); insert into approved_model (model_type, \
              model_version, approved_by) values ('risk', '2.0.0', 'p-1'); \
              insert into api_key (org_id, key_id, key_prefix) values ('skyops', 'k-31', 'skyk31')",
        )
        .await;
    let id = session(&engine, "skyops", "N1034D", 22 * 3600).await;
    engine
        .run(&format!(
            "insert into telemetry_file (org_id, file_id, sha256, name, bytes, format, session_id) \
             values ('skyops', '{}', sha256('f'), 'f.ulg', 9, 'ulg', '{id}')",
            analysis_id(81_631, "file", 1)
        ))
        .await;
    let mut feeds = Feeds::new(&engine);
    for line in include_str!("brief.ndjson").lines() {
        let (stream, message) = line.split_once(' ').unwrap();
        let mut message: Value = serde_json::from_str(message).unwrap();
        message["session"] = json!(id);
        for (field, kind) in [("file_id", "file"), ("analysis_id", "risk")] {
            if message.get(field).is_some() {
                message[field] = json!(analysis_id(81_631, kind, 1));
            }
        }
        let told = feeds.send(stream, &[message]).await;
        let letters = engine.texts("select reason from howdah.dead_letters").await;
        assert_eq!(told, (1, 0, 0), "{stream}: {letters:?}");
    }
}
