//! Real flights of a nano-quadcopter, where they are at hand (`HOWDAH_FLEET_DATA`: their folder),
//! through the system: the same figures as computed apart.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::figures::rows;
use super::plain::{Fleet, Sample, percentile, quality};
use super::world::{Named, aircraft, at, hangar, session};
use crate::calls::world::Feeds;
use crate::engine::Engine;

/// Flights begin so many seconds after each other: the recording has no clock.
const APART_S: i64 = 600;

fn recorded() -> Option<String> {
    let folder = PathBuf::from(std::env::var_os("HOWDAH_FLEET_DATA")?);
    let file = folder.join("fleet_crazyflie_telemetry_10hz.csv");
    Some(std::fs::read_to_string(file).unwrap())
}

/// Height and voltage of each flight, every 100 ms.
fn flights(text: &str) -> BTreeMap<i64, Vec<(i64, f64, f64)>> {
    let mut flights: BTreeMap<i64, Vec<(i64, f64, f64)>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let number = |field: usize| fields[field].parse::<f64>().unwrap();
        let sample = (number(1) as i64, number(4), number(5));
        flights.entry(number(0) as i64).or_default().push(sample);
    }
    flights
}

/// A file of each flight, as one message; the sessions are made.
async fn files(engine: &Engine, flights: &BTreeMap<i64, Vec<(i64, f64, f64)>>) -> Vec<Value> {
    let mut messages: Vec<Value> = Vec::new();
    for (number, samples) in flights {
        let begins = number * APART_S;
        let id = session(engine, "org-real", "CF-1", begins).await;
        let about = Named { org: "org-real", craft: "CF-1", id: &id };
        let leg = |(seq, (t_ms, z, volts)): (usize, &(i64, f64, f64))| {
            let whole = at(begins + t_ms / 1000);
            let ts = format!("{}.{:03}Z", &whole[..19], t_ms % 1000);
            json!({"ts": ts, "seq": seq, "alt_m": z, "batt_v": volts})
        };
        let legs: Vec<Value> = samples.iter().enumerate().map(leg).collect();
        messages.push(about.say(begins, &json!({"declared_hz": 10, "samples": legs})));
    }
    messages
}

#[tokio::test]
async fn real_flights_give_the_figures_computed_apart() {
    let Some(text) = recorded() else {
        println!("skipped: HOWDAH_FLEET_DATA does not name the folder of the recorded flights");
        return;
    };
    let engine = hangar().await;
    aircraft(&engine, "org-real", "CF-1", "multirotor", 4).await;
    let flights = flights(&text);
    let messages = files(&engine, &flights).await;
    let texts: Vec<String> = messages.iter().map(Value::to_string).collect();
    let mut feeds = Feeds::new(&engine);
    for batch in texts.chunks(10) {
        assert_eq!(feeds.send_texts("telemetry_files", batch).await, (batch.len() as u64, 0, 0));
    }
    let told = texts.iter().map(|text| ("telemetry_files", text.as_str()));
    let plain = Fleet::told(told, i64::MAX - 300_000);
    assert_eq!((flights.len(), plain.sessions.len()), (155, 155));
    let rows_in: i64 = engine.one("select count(*) from telemetry").await;
    assert_eq!(rows_in, 129_218);
    let scores = rows(
        &engine.client,
        "select session_id::text, quality::float8, n::float8 \
                                from session_quality",
    )
    .await;
    let extremes = rows(
        &engine.client,
        "select session_id::text, alt_min::float8, alt_max::float8, \
                                  batt_v_min::float8 from session_envelope",
    )
    .await;
    let exact = rows(
        &engine.client,
        "select session_id::text, alt_m[1], alt_m[2], alt_m[3], alt_m[4] \
                               from session_percentiles",
    )
    .await;
    let sketched =
        rows(&engine.client, "select session_id::text, alt_p95, alt_p99 from session_levels").await;
    for (id, session) in &plain.sessions {
        let heights: Vec<f64> = session.file.iter().filter_map(Sample::height).collect();
        let volts = session.file.iter().filter_map(|s| s.get("batt_v"));
        let near = |what: &str, is: Option<f64>, want: f64, slack: f64| {
            let is = is.unwrap();
            assert!((is - want).abs() <= slack, "{what} of {}: {is} {want}", id.1);
        };
        let score = &scores[&id.1];
        near("quality", score[0], quality(session, "multirotor", 4), 1.01e-4);
        near("samples", score[1], session.file.len() as f64, 0.0);
        let extreme = &extremes[&id.1];
        near("lowest", extreme[0], heights.iter().copied().fold(f64::MAX, f64::min), 1e-5);
        near("highest", extreme[1], heights.iter().copied().fold(f64::MIN, f64::max), 1e-5);
        near("volts", extreme[2], volts.fold(f64::MAX, f64::min), 1e-5);
        for (place, p) in [0.05, 0.5, 0.95, 0.99].into_iter().enumerate() {
            let want = percentile(heights.clone(), p).unwrap();
            near("percentile", exact[&id.1][place], want, 1e-5);
        }
        for (place, p) in [0.95, 0.99].into_iter().enumerate() {
            let want = percentile(heights.clone(), p).unwrap();
            near("sketch", sketched[&id.1][place], want, 0.02 * want.abs() + 0.02);
        }
    }
    // 22 of them end below 3.0 V, as the record says.
    let low = extremes.values().filter(|extreme| extreme[2].is_some_and(|volts| volts < 3.0));
    println!("flights below 3.0 V: {}", low.count());
}
