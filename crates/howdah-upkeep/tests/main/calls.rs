//! The calls system: its file and migrations applied, its worked numbers and its requirements.

use crate::engine::Engine;

/// The calls system's migrations.
fn migrations() -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../systems/calls/migrations");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.to_string_lossy().ends_with(".down.sql"))
        .collect();
    files.sort();
    files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// The calls system's file under the name of the database.
fn system() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../systems/calls/howdah.toml");
    std::fs::read_to_string(path).unwrap().replace("name = \"calls\"", "name = \"{db}\"")
}

#[tokio::test]
async fn calls_applies_as_a_plain_owner_and_a_second_plan_is_empty() {
    let engine = Engine::applied(&migrations(), &system()).await;
    let (_, plan) = engine.plan().await;
    assert!(plan.notes.is_empty(), "{:?}", plan.notes);
}
