//! The calls system: its file and migrations applied, its worked numbers and its requirements.

#[path = "calls/attack.rs"]
mod attack;
#[path = "calls/before.rs"]
mod before;
#[path = "calls/folded.rs"]
mod folded;
#[path = "calls/install.rs"]
mod install;
#[path = "calls/market.rs"]
mod market;
#[path = "calls/money.rs"]
mod money;
#[path = "calls/queries.rs"]
mod queries;
#[path = "calls/rules.rs"]
mod rules;
#[path = "calls/siege.rs"]
mod siege;
#[path = "calls/world.rs"]
pub mod world;

use crate::engine::Engine;

#[tokio::test]
async fn calls_applies_as_a_plain_owner_and_a_second_plan_is_empty() {
    let engine = Engine::applied(&world::migrations(), &world::system()).await;
    let (_, plan) = engine.plan().await;
    assert!(plan.notes.is_empty(), "{:?}", plan.notes);
}
