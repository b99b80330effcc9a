//! J1 to J15 of the brief, §4.9: late files, voids, repeats, two writers at once.

use serde_json::{Value, json};

use super::plain::{Fleet, Session};
use super::vectors::{analysis_id, models, result, text};
use super::world::{
    Named, UNTIL_MS, aircraft, at, fed, flown, folded, hangar, options, session, session_id,
};
use crate::calls::world::Feeds;
use crate::engine::Engine;

/// J1, J2: after a void, a late repeat of everything, and a rebuild, each figure is what it was,
/// but for what the void took; also where all of it is folded.
#[tokio::test]
async fn j2_voids_and_repeats_leave_every_rollup_as_a_fresh_sum() {
    for engine in [flown().await, folded().await] {
        voids_and_repeats(&engine).await;
    }
}

async fn voids_and_repeats(engine: &Engine) {
    let (all, _, plain) = fed();
    // The feed is over; what comes now comes from elsewhere.
    engine.run("delete from howdah.positions").await;
    let of_org = plain.of_aircraft();
    let (craft, sessions) = of_org.iter().max_by_key(|(_, sessions)| sessions.len()).unwrap();
    let (id, taken) = sessions.iter().find(|(_, session)| !session.legs().is_empty()).unwrap();
    let hours = format!(
        "select concat_ws(' ', flights, cycles, (airborne_s * 1000)::bigint) from aircraft_hours \
         where org_id = '{}' and aircraft_id = '{}'",
        craft.0, craft.1
    );
    let sum = |but: Option<&str>| {
        let left = sessions.iter().filter(|(other, _)| Some(other.1.as_str()) != but);
        let left: Vec<_> = left.filter(|(_, session)| !session.legs().is_empty()).collect();
        let cycles: usize = left.iter().map(|(_, session)| session.legs().len()).sum();
        let ms: i64 = left.iter().map(|(_, session)| session.airborne_ms()).sum();
        format!("{} {cycles} {ms}", left.len())
    };
    assert_eq!(text(engine, &hours).await, sum(None));
    let mut feeds = Feeds::new(engine);
    let day = format!("select day::text from session_state where session_id = '{}'", id.1);
    let day = text(engine, &day).await;
    let void = json!({"org": id.0, "session": id.1, "aircraft": taken.aircraft, "kind": "void",
        "ts": "2026-11-20T23:00:00.000Z", "day": day, "pilot": taken.pilot,
        "reason": "wrong aircraft", "author": "p-1"});
    feeds.all_new("session_event", std::slice::from_ref(&void)).await;
    assert_eq!(text(engine, &hours).await, sum(Some(&id.1)), "the void took its hours back");
    assert_eq!(feeds.send("session_event", &[void]).await, (0, 1, 0), "once");
    for stream in ["flight_event", "analysis_result", "upload_event", "api_request"] {
        let texts: Vec<&str> =
            all.iter().filter(|e| e.stream == stream).map(|e| e.json.as_str()).collect();
        let told = feeds.send_texts(stream, &texts).await;
        assert_eq!(told.0, 0, "{stream}: a repeat adds nothing");
    }
    assert_eq!(text(engine, &hours).await, sum(Some(&id.1)));
    engine.assert_fold_is_rebuild().await;
}

/// J1, J2: the other way round, in other batches, by two writers at once: the same.
#[tokio::test]
async fn j1_the_order_of_arrival_makes_no_difference() {
    let one = flown().await;
    let other = hangar().await;
    other.run(&howdah_feed::entities_sql("fleet", &options()).unwrap()).await;
    let (all, _, _) = fed();
    let of = |stream: &str| -> Vec<&str> {
        all.iter().rev().filter(|e| e.stream == stream).map(|e| e.json.as_str()).collect()
    };
    let (live, files) = (of("telemetry"), of("telemetry_files"));
    let mut rest = Feeds::new(&other);
    let (mut first, mut second) = (Feeds::new(&other), Feeds::new(&other));
    // Two uploads at once, each of the same stream and often of the same session.
    let one_by_one = async {
        for batch in live.chunks(97) {
            first.send_texts("telemetry", batch).await;
        }
    };
    let meanwhile = async {
        for batch in files.chunks(5) {
            second.send_texts("telemetry_files", batch).await;
        }
    };
    tokio::join!(one_by_one, meanwhile);
    for stream in ["session_event", "flight_event", "analysis_result"] {
        for batch in of(stream).chunks(41) {
            rest.send_texts(stream, batch).await;
        }
    }
    // Of two that contradict each other the first counts, which shows in none of these.
    for table in ["aircraft_hours", "pilot_hours", "session_legs", "session_covers", "motor_state"]
    {
        assert_eq!(other.table(table).await, one.table(table).await, "{table}");
    }
    let figures =
        "(select org_id, session_id, source, steps, gaps, covered_s, taxi_s from step_state)";
    assert_eq!(other.table(figures).await, one.table(figures).await);
    other.assert_proved().await;
}

/// J4: two flights of one aircraft are not in the air together; who tries is told both.
#[tokio::test]
async fn j3_j4_one_aircraft_in_the_air_and_one_place_for_a_part() {
    let engine = hangar().await;
    aircraft(&engine, "one", "A-1", "multirotor", 4).await;
    aircraft(&engine, "one", "A-2", "multirotor", 4).await;
    let first = session(&engine, "one", "A-1", 0).await;
    let second = session(&engine, "one", "A-1", 600).await;
    let fly = |id: &str, from: i64, to: i64, version: u32| {
        format!(
            "update flight_session set takeoff_at = '{}', landing_at = '{}', \
             row_version = {version} where session_id = '{id}'",
            at(from),
            at(to)
        )
    };
    engine.run(&fly(&first, 10, 900, 1)).await;
    let refused = engine.client.batch_execute(&fly(&second, 700, 1200, 1)).await.unwrap_err();
    let refused = refused.as_db_error().unwrap();
    assert_eq!(refused.constraint(), Some("flight_session_one_in_the_air"));
    engine
        .run(&format!(
            "update flight_session set voided_at = now(), void_reason = 'wrong aircraft', \
             row_version = 2 where session_id = '{first}'"
        ))
        .await;
    engine.run(&fly(&second, 700, 1200, 1)).await;
    engine
        .run(
            "insert into component (org_id, component_id, kind, serial) values \
              ('one', 'M-1', 'motor', '1'), ('one', 'M-2', 'motor', '2')",
        )
        .await;
    let install = |part: &str, craft: &str, period: &str| {
        format!(
            "insert into installation (org_id, installation_id, component_id, aircraft_id, \
             position, period) values ('one', gen_random_uuid(), '{part}', '{craft}', 'motor-1', \
             '{period}')"
        )
    };
    engine.run(&install("M-1", "A-1", "[2026-01-01,2026-06-01)")).await;
    engine.run(&install("M-2", "A-1", "[2026-06-01,)")).await;
    for (sql, constraint) in [
        (install("M-1", "A-2", "[2026-05-01,2026-07-01)"), "installation_one_aircraft"),
        (install("M-1", "A-1", "[2026-08-01,)"), "installation_one_component"),
    ] {
        let refused = engine.client.batch_execute(&sql).await.unwrap_err();
        assert_eq!(refused.as_db_error().unwrap().constraint(), Some(constraint));
    }
}

/// J6, J7: a file once an organisation, a step of it once, a run once; a later run replaces.
#[tokio::test]
async fn j6_j7_files_and_runs_count_once() {
    let engine = hangar().await;
    models(&engine).await;
    aircraft(&engine, "one", "A-1", "multirotor", 4).await;
    let id = session(&engine, "one", "A-1", 0).await;
    let about = Named { org: "one", craft: "A-1", id: &id };
    let file = |number: u64| {
        format!(
            "insert into telemetry_file (org_id, file_id, sha256, name, bytes, format, session_id) \
             values ('one', '{}', sha256('same'), 'f', 9, 'bin', '{id}')",
            session_id(0, number)
        )
    };
    engine.run(&file(1)).await;
    assert!(engine.client.batch_execute(&file(2)).await.is_err(), "the same file under another id");
    let mut feeds = Feeds::new(&engine);
    let step = |after_s: i64| {
        about.say(
            after_s,
            &json!({"file_id": session_id(0, 1), "phase": "received", "bytes": 9,
            "day": "2026-11-01"}),
        )
    };
    feeds.all_new("upload_event", &[step(5)]).await;
    assert_eq!(feeds.send("upload_event", &[step(5)]).await, (0, 1, 0));
    assert_eq!(feeds.send("upload_event", &[step(9)]).await, (0, 0, 1), "at another time");
    feeds.all_new("session_event", &[about.step(0, "planned")]).await;
    let risk = |after_s: i64, run: u64, score: f64| {
        result(&about, after_s, "risk", run, &json!({"risk_score": score}))
    };
    feeds.all_new("analysis_result", &[risk(10, 1, 0.95)]).await;
    assert_eq!(feeds.send("analysis_result", &[risk(10, 1, 0.95)]).await, (0, 1, 0));
    assert_eq!(
        feeds.send("analysis_result", &[risk(11, 1, 0.95)]).await,
        (0, 0, 1),
        "killed, again"
    );
    let figures = "select concat_ws(' ', assessed, trim_scale(risk_sum), high_risk) \
                   from aircraft_days";
    assert_eq!(text(&engine, figures).await, "1 0.95 1");
    feeds.all_new("analysis_result", &[risk(20, 2, 0.2)]).await;
    assert_eq!(text(&engine, figures).await, "1 0.2 0", "a rerun replaces, it does not add");
    let mut trial = risk(30, 1, 0.99);
    trial["model_version"] = json!("3.0");
    trial["analysis_id"] = json!(analysis_id(30, "trial", 7));
    assert_eq!(feeds.send("analysis_result", &[trial.clone()]).await, (0, 0, 1), "not approved");
    trial["trial"] = json!(true);
    feeds.all_new("analysis_result", &[trial]).await;
    assert_eq!(text(&engine, figures).await, "1 0.2 0", "a trial counts nowhere");
}

/// J8, R32: scores lie between 0 and 1, probabilities sum to 1, words are those of the lists.
#[tokio::test]
async fn j8_r32_what_a_model_may_not_say_is_refused() {
    let engine = hangar().await;
    models(&engine).await;
    aircraft(&engine, "one", "A-1", "multirotor", 4).await;
    let id = session(&engine, "one", "A-1", 0).await;
    let about = Named { org: "one", craft: "A-1", id: &id };
    let wrong = [
        ("risk", json!({"risk_score": 1.2})),
        ("risk", json!({"risk_score": 0.5, "confidence": -0.1})),
        ("risk", json!({})),
        ("type_detection", json!({"type": "vtol", "type_probs": {"vtol": 0.8, "hybrid": 0.1}})),
        ("type_detection", json!({"type": "balloon", "type_probs": {"vtol": 1.0}})),
        ("fortune", json!({"risk_score": 0.5})),
    ];
    let mut feeds = Feeds::new(&engine);
    for (number, (model, more)) in wrong.iter().enumerate() {
        let event = result(&about, 10 + number as i64, model, 1, more);
        assert_eq!(feeds.send("analysis_result", &[event]).await, (0, 0, 1), "{model} {more}");
    }
    let fine = json!({"type": "vtol", "type_probs": {"vtol": 0.8, "hybrid": 0.2}});
    feeds.all_new("analysis_result", &[result(&about, 60, "type_detection", 1, &fine)]).await;
}

/// J11, R11: nothing that evidence hangs on can be deleted, and nothing goes with a parent.
#[tokio::test]
async fn j11_r11_what_evidence_hangs_on_cannot_be_deleted() {
    let engine = flown().await;
    for table in [
        "organization",
        "aircraft",
        "flight_session",
        "component",
        "model_version",
        "telemetry_file",
        "app_user",
    ] {
        let refused = engine.client.batch_execute(&format!("delete from {table}")).await;
        if table != "app_user" {
            assert_eq!(refused.unwrap_err().code().unwrap().code(), "23503", "{table}");
        }
    }
    let cascades = "select count(*) from pg_constraint where contype = 'f' and confdeltype <> 'r' \
                    and connamespace = 'public'::regnamespace";
    assert_eq!(engine.one::<i64>(cascades).await, 0);
}

/// J15: a grounded aircraft starts no flight, by whichever way; an older one may be filed.
#[tokio::test]
async fn j15_a_grounded_aircraft_starts_no_flight() {
    let engine = hangar().await;
    aircraft(&engine, "one", "A-1", "multirotor", 4).await;
    let before = session(&engine, "one", "A-1", 0).await;
    engine
        .run(&format!(
            "update aircraft set status = 'grounded', status_from = '{}', row_version = 1",
            at(3600)
        ))
        .await;
    let plan = |from: i64| {
        format!(
            "insert into flight_session (org_id, session_id, aircraft_id, planned) \
             values ('one', '{}', 'A-1', '[\"{}\",)')",
            session_id(from, 99),
            at(from)
        )
    };
    let refused = engine.client.batch_execute(&plan(4000)).await.unwrap_err();
    assert_eq!(refused.as_db_error().unwrap().message(), "the aircraft is not to fly");
    engine.run(&plan(60)).await;
    // A session that was planned before, and starts after.
    let about = Named { org: "one", craft: "A-1", id: &before };
    let mut feeds = Feeds::new(&engine);
    assert_eq!(feeds.send("session_event", &[about.step(5000, "live")]).await, (0, 0, 1));
    feeds.all_new("session_event", &[about.step(100, "live")]).await;
    engine.run("update aircraft set status = 'active', row_version = 2").await;
    feeds.all_new("session_event", &[about.step(6000, "live")]).await;
}

/// §2.1: the status goes forward, whatever comes when; nothing leaves void.
#[tokio::test]
async fn a_session_goes_forward_and_stays_void() {
    let engine = hangar().await;
    aircraft(&engine, "one", "A-1", "multirotor", 4).await;
    let id = session(&engine, "one", "A-1", 0).await;
    let about = Named { org: "one", craft: "A-1", id: &id };
    let mut feeds = Feeds::new(&engine);
    let status = "select status::text from session_state";
    for (kind, is) in [
        ("uploaded", "uploaded"),
        ("live", "uploaded"),
        ("analysed", "analysed"),
        ("void", "void"),
        ("landed", "void"),
    ] {
        feeds.all_new("session_event", &[about.step(30, kind)]).await;
        assert_eq!(text(&engine, status).await, is, "after {kind}");
    }
    let mut silent = about.step(90, "void");
    silent["reason"] = json!("");
    assert_eq!(feeds.send("session_event", &[silent]).await, (0, 0, 1), "a void has a reason");
}

/// §3: a wrong clock keeps the whole file out; a value of another digit is a conflict.
#[tokio::test]
async fn r40_a_file_is_kept_whole_or_not_at_all_and_nothing_is_made_up() {
    let engine = hangar().await;
    aircraft(&engine, "one", "A-1", "multirotor", 4).await;
    let id = session(&engine, "one", "A-1", 0).await;
    let about = Named { org: "one", craft: "A-1", id: &id };
    let file = |shift: i64, alt: f64| {
        let samples: Vec<Value> = (0..20)
            .map(|n| json!({"ts": at(n + if n < 19 { 0 } else { shift }), "seq": n, "alt_m": alt}))
            .collect();
        about.say(0, &json!({"declared_hz": 1, "samples": samples}))
    };
    let mut feeds = Feeds::new(&engine);
    // GPS week: the last sample is seven days ahead.
    assert_eq!(feeds.send("telemetry_files", &[file(7 * 86_400, 50.0)]).await, (0, 0, 1));
    assert_eq!(engine.one::<i64>("select count(*) from telemetry").await, 0, "not one row of it");
    feeds.all_new("telemetry_files", &[file(0, 50.0)]).await;
    assert_eq!(feeds.send("telemetry_files", &[file(0, 50.0)]).await, (0, 1, 0), "the same file");
    assert_eq!(feeds.send("telemetry_files", &[file(0, 51.0)]).await, (0, 0, 1), "another content");
    let rows = "select concat_ws(' ', count(*), count(groundspeed), min(alt_m), max(alt_m)) \
                from telemetry";
    assert_eq!(text(&engine, rows).await, "20 0 50 50", "a null stays null");
}

/// The feed told twice is, to the calculation apart, the feed told once.
#[test]
fn the_calculation_apart_counts_each_event_once() {
    let (all, _, plain) = fed();
    let twice = all.iter().chain(all).map(|event| (event.stream, event.json.as_str()));
    let twice = Fleet::told(twice, UNTIL_MS);
    let sum = |fleet: &Fleet| -> (usize, i64) {
        let samples = fleet.sessions.values().map(|s| s.live.len() + s.file.len()).sum();
        (samples, fleet.sessions.values().map(Session::airborne_ms).sum())
    };
    assert_eq!(sum(plain), sum(&twice));
}
