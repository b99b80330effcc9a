//! The files of the systems of this repository, and what is asked of each system's migrations.

use std::path::{Path, PathBuf};

use howdah_feed::{Event, Expected};
use howdah_testkit::Cluster;

use crate::calls::world::Feeds;
use crate::engine::Engine;

/// The files of a folder of a system, in the order of their names.
fn files(system: &str, folder: &str) -> Vec<PathBuf> {
    let systems = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../systems");
    let entries = std::fs::read_dir(systems.join(system).join(folder)).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Its migrations, one behind the other.
pub fn migrations(system: &str) -> String {
    files(system, "migrations")
        .iter()
        .filter(|path| !path.to_string_lossy().ends_with(".down.sql"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect()
}

/// Its queries: the name and text of each.
pub fn queries(system: &str) -> Vec<(String, String)> {
    let named = |path: &PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        (name, std::fs::read_to_string(path).unwrap())
    };
    files(system, "queries").iter().map(named).collect()
}

/// Sends a feed in parts, each stream of a part in one batch; everything is folded behind each
/// part, so that what comes late or again meets segments. Every event is accounted for.
pub async fn feed_in_parts(engine: &Engine, (all, expected): (&[Event], &Expected), parts: usize) {
    let mut feeds = Feeds::new(engine);
    let mut told: Vec<(&str, (u64, u64, u64))> =
        expected.streams().map(|(stream, _)| (stream, (0, 0, 0))).collect();
    for part in all.chunks(all.len() / parts + 1) {
        for (stream, sum) in &mut told {
            let of_stream = part.iter().filter(|event| event.stream == *stream);
            let texts: Vec<&str> = of_stream.map(|event| event.json.as_str()).collect();
            let new = feeds.send_texts(stream, &texts).await;
            *sum = (sum.0 + new.0, sum.1 + new.1, sum.2 + new.2);
        }
        assert!(engine.fold_chunks().await > 0);
        engine.assert_all_folded().await;
    }
    for ((stream, sum), (_, counts)) in told.into_iter().zip(expected.streams()) {
        let letters = engine.texts("select code || ' ' || reason from howdah.dead_letters").await;
        assert_eq!(sum, (counts.rows, counts.duplicates, counts.broken), "{stream}: {letters:?}");
    }
}

/// Sends the events of these streams again, from the last to the first: nothing is new, whatever is
/// put back for it.
pub async fn again_from_the_last(engine: &Engine, all: &[Event], streams: &[&str]) {
    engine.run("delete from howdah.positions").await;
    let mut feeds = Feeds::new(engine);
    for stream in streams {
        let of_stream = all.iter().rev().filter(|event| event.stream == *stream);
        let texts: Vec<&str> = of_stream.map(|event| event.json.as_str()).collect();
        let (rows, repeats, _) = feeds.send_texts(stream, &texts).await;
        assert!(rows == 0 && repeats > 0, "{stream}: {rows} {repeats}");
    }
}

/// What the feed says of the whole is what the tables say.
pub async fn claims_hold(engine: &Engine, expected: &Expected) {
    for claim in expected.claims() {
        let sql = format!(
            "select concat_ws(' is ', trim_scale(s::numeric), trim_scale('{}'::numeric)) \
             from ({}) q (s)",
            claim.is, claim.sql
        );
        let found: String = engine.one(&sql).await;
        let (is, want) = found.split_once(" is ").unwrap();
        assert_eq!(is, want, "{}", claim.what);
    }
}

/// Its migrations lead up, down to nothing, and up again to the same.
pub async fn leads_up_down_and_up_again(system: &str) {
    let db = Cluster::shared().await.database().await;
    let client = db.connect().await;
    let objects = "select count(*) from (select oid from pg_class where relnamespace = \
                   'public'::regnamespace union all select oid from pg_proc where pronamespace = \
                   'public'::regnamespace union all select oid from pg_type where typnamespace = \
                   'public'::regnamespace) o";
    let count = async || -> i64 { client.query_one(objects, &[]).await.unwrap().get(0) };
    let empty = count().await;
    client.batch_execute(&migrations(system)).await.unwrap();
    let full = count().await;
    let all = files(system, "migrations");
    for path in all.iter().rev().filter(|path| path.to_string_lossy().ends_with(".down.sql")) {
        let done = client.batch_execute(&std::fs::read_to_string(path).unwrap()).await;
        done.unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
    }
    assert_eq!(count().await, empty);
    client.batch_execute(&migrations(system)).await.unwrap();
    assert_eq!(count().await, full);
}
