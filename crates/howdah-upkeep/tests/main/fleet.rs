//! The fleet system: its file and migrations applied, its figures held against a calculation of its
//! own, its requirements.

#[path = "fleet/attack.rs"]
mod attack;
#[path = "fleet/before.rs"]
mod before;
#[path = "fleet/figures.rs"]
mod figures;
#[path = "fleet/install.rs"]
mod install;
#[path = "fleet/invariants.rs"]
mod invariants;
#[path = "fleet/people.rs"]
mod people;
#[path = "fleet/plain.rs"]
mod plain;
#[path = "fleet/queries.rs"]
mod queries;
#[path = "fleet/recorded.rs"]
mod recorded;
#[path = "fleet/retention.rs"]
mod retention;
#[path = "fleet/vectors.rs"]
mod vectors;
#[path = "fleet/world.rs"]
mod world;

use crate::engine::Engine;

#[tokio::test]
async fn fleet_applies_as_a_plain_owner_and_a_second_plan_is_empty() {
    let engine = Engine::applied(&world::migrations(), &world::system()).await;
    let (_, plan) = engine.plan().await;
    assert!(plan.notes.is_empty(), "{:?}", plan.notes);
}
