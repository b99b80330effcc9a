//! Reviews on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "main/claims.rs"]
mod claims;
#[path = "main/designs.rs"]
mod designs;
#[path = "main/fixes.rs"]
mod fixes;
#[path = "main/folders.rs"]
mod folders;
#[path = "main/in_use.rs"]
mod in_use;
#[path = "main/live.rs"]
mod live;
#[path = "main/migrations.rs"]
mod migrations;
#[path = "main/mutations.rs"]
mod mutations;
#[path = "main/reading.rs"]
mod reading;
#[path = "main/reports.rs"]
mod reports;
#[path = "main/rig.rs"]
mod rig;
#[path = "main/rules.rs"]
mod rules;
#[path = "main/schema.rs"]
mod schema;
#[path = "main/systems.rs"]
mod systems;
