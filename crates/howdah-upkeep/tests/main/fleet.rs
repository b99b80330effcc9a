//! The fleet system: its file and migrations applied, its figures held against a calculation of its
//! own, its requirements.

#[path = "fleet/figures.rs"]
mod figures;
#[path = "fleet/plain.rs"]
mod plain;
#[path = "fleet/queries.rs"]
mod queries;
#[path = "fleet/world.rs"]
mod world;

use crate::engine::Engine;

#[tokio::test]
async fn fleet_applies_as_a_plain_owner_and_a_second_plan_is_empty() {
    let engine = Engine::applied(&world::migrations(), &world::system()).await;
    let (_, plan) = engine.plan().await;
    assert!(plan.notes.is_empty(), "{:?}", plan.notes);
}
