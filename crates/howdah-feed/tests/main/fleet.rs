//! The feed of the fleet: the same bytes ever, flights that follow from themselves, dirt that is
//! counted.

use std::collections::BTreeMap;

use howdah_feed::{Broken, Event, Expected, Options, entities_sql};
use serde_json::Value;

use crate::{UNTIL_MS, fields, fingerprints, is_accounted_for, options, text};

fn fed(options: &Options) -> (Vec<Event>, Expected) {
    crate::fed("fleet", options)
}

#[test]
fn the_feed_and_its_entities_are_the_same_as_ever() {
    assert_eq!(
        fingerprints("fleet", 4_000),
        (0x9221_b5db_eda2_c033, 0x5708_576d_c7ea_9ef4),
        "changed on purpose? then change this too"
    );
}

#[test]
fn as_many_events_arrive_as_were_asked_for_and_each_is_accounted_for() {
    for count in [0, 1, 2, 700, 3_000] {
        is_accounted_for("fleet", count);
    }
}

#[test]
fn skew_and_dirt_are_those_of_the_brief() {
    let many = Options { broken_per_million: 3_000, span_ms: 30 * 86_400_000, ..options(20_000) };
    let (all, expected) = fed(&many);
    let of = |stream: &'static str| all.iter().filter(move |event| event.stream == stream);
    let mut orgs: BTreeMap<String, u64> = BTreeMap::new();
    for event in of("session_event").filter(|event| event.json.contains("\"planned\"")) {
        *orgs.entry(text(&fields(event), "org").to_owned()).or_default() += 1;
    }
    let flights: u64 = orgs.values().sum();
    let share = orgs["org-000"] as f64 / flights as f64;
    assert!((0.22..0.38).contains(&share), "the largest has {share}");
    let files = expected.stream("telemetry_files");
    let twice = files.duplicates as f64 / files.rows as f64;
    assert!((0.02..0.09).contains(&twice), "{files:?}");
    for kind in [Broken::ClockShift, Broken::Conflict, Broken::Retried, Broken::Grounded] {
        assert!(expected.broken(kind) > 0, "{kind:?}");
    }
    let voided = of("session_event").filter(|event| event.json.contains("\"void\"")).count();
    assert!((voided as u64) < flights / 50);
    let (mut samples, mut faulty) = (0, 0);
    for event in of("telemetry_files").take(60) {
        for sample in fields(event)["samples"].as_array().unwrap() {
            samples += 1;
            let wrong = |name: &str, is: fn(f64) -> bool| sample[name].as_f64().is_some_and(is);
            faulty += u64::from(
                wrong("lat", |lat| lat.abs() > 90.0)
                    || wrong("alt_m", |alt| alt > 20_000.0)
                    || wrong("heading_deg", |heading| heading > 360.0)
                    || wrong("batt_pct", |left| left < 0.0),
            );
        }
    }
    let share = faulty as f64 / f64::from(samples);
    assert!((0.001..0.008).contains(&share), "{share} of the samples cannot be");
}

#[test]
fn nothing_is_told_before_or_after_the_feed() {
    let (all, _) = fed(&options(3_000));
    let begin = UNTIL_MS - options(0).span_ms;
    assert_eq!(begin % 86_400_000, 0);
    let told: Vec<String> = all
        .iter()
        .filter(|event| event.stream == "session_event" || event.stream == "analysis_result")
        .map(|event| text(&fields(event), "ts").to_owned())
        .collect();
    assert!(told.iter().all(|ts| ts.as_str() >= "2026-11-20T00:00:00"));
    assert!(told.iter().all(|ts| ts.as_str() <= "2026-11-21T00:00:00.000Z"));
}

#[test]
fn every_session_and_file_is_an_entity_and_no_aircraft_flies_two_at_once() {
    let options = options(3_000);
    let (all, _) = fed(&options);
    let sql = entities_sql("fleet", &options).unwrap();
    let mut airborne: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for event in all.iter().filter(|event| event.stream == "flight_event") {
        let message: Value = fields(event);
        assert!(sql.contains(text(&message, "session")), "{message}");
        let craft = text(&message, "aircraft").to_owned();
        let at = (text(&message, "ts").to_owned(), text(&message, "kind").to_owned());
        airborne.entry(craft).or_default().push(at);
    }
    for (craft, mut told) in airborne {
        told.sort();
        told.dedup();
        let mut up = false;
        for (ts, kind) in told {
            match kind.as_str() {
                "takeoff" => {
                    assert!(!up, "{craft} at {ts}");
                    up = true;
                }
                "land" => up = false,
                _ => {}
            }
        }
    }
}

#[test]
fn every_stream_of_the_feed_has_a_source() {
    let system = include_str!("../../../../systems/fleet/howdah.toml");
    let (_, expected) = fed(&options(3_000));
    assert!(expected.streams().count() >= 11);
    for (stream, _) in expected.streams() {
        assert!(system.contains(&format!("stream = \"{stream}\" }}")), "{stream}");
    }
}
