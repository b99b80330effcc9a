//! The system files of trading, calls and fleet speak of the streams of the feed, and agree with
//! each other.

const SYSTEM: &str = include_str!("../../../../systems/trading/howdah.toml");
const FROM_FILES: &str = include_str!("../../../../systems/trading/howdah.files.toml");
const CALLS: &str = include_str!("../../../../systems/calls/howdah.toml");
const CALLS_FROM_FILES: &str = include_str!("../../../../systems/calls/howdah.files.toml");
const FLEET: &str = include_str!("../../../../systems/fleet/howdah.toml");
const FLEET_FROM_FILES: &str = include_str!("../../../../systems/fleet/howdah.files.toml");

/// The part of a system file between its headings for tenants, sources and rollups.
fn without_sources(file: &'static str) -> (&'static str, &'static str) {
    let from_tenants = &file[file.find("[tenants]").unwrap()..];
    let (before, after) = from_tenants.split_once("# --- Sources").unwrap();
    (before, &after[after.find("# --- Rollups").unwrap()..])
}

#[test]
fn only_sources_differ_between_redis_and_files() {
    assert_eq!(without_sources(SYSTEM), without_sources(FROM_FILES));
    assert_eq!(without_sources(CALLS), without_sources(CALLS_FROM_FILES));
    assert_eq!(without_sources(FLEET), without_sources(FLEET_FROM_FILES));
}

#[test]
fn every_stream_of_the_feed_has_a_source() {
    for stream in ["trades", "fills", "portfolio_snapshots"] {
        assert!(SYSTEM.contains(&format!("stream = \"{stream}\"")), "{stream}");
    }
}
