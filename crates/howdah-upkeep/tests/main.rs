//! Integration tests of the engine: plan, apply, fold, rebuild and proof against a real PostgreSQL.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

#[path = "main/apply.rs"]
mod apply;
#[path = "main/beside.rs"]
mod beside;
#[path = "main/calls.rs"]
mod calls;
#[path = "main/change.rs"]
mod change;
#[path = "main/compiled.rs"]
mod compiled;
#[path = "main/convert.rs"]
mod convert;
#[path = "main/corrections.rs"]
mod corrections;
#[path = "main/derived.rs"]
mod derived;
#[path = "main/edges.rs"]
mod edges;
#[path = "main/engine.rs"]
mod engine;
#[path = "main/expressions.rs"]
mod expressions;
#[path = "main/fleet.rs"]
mod fleet;
#[path = "main/folded.rs"]
mod folded;
#[path = "main/judged.rs"]
mod judged;
#[path = "main/leases.rs"]
mod leases;
#[path = "main/reorganisations.rs"]
mod reorganisations;
#[path = "main/rollups.rs"]
mod rollups;
#[path = "main/sequences.rs"]
mod sequences;
#[path = "main/sketches.rs"]
mod sketches;
#[path = "main/spans.rs"]
mod spans;
#[path = "main/spans_model.rs"]
mod spans_model;
#[path = "main/systems.rs"]
mod systems;
#[path = "main/tenants.rs"]
mod tenants;
#[path = "main/trading.rs"]
mod trading;
#[path = "main/waits.rs"]
mod waits;
#[path = "main/ways.rs"]
mod ways;
#[path = "main/worked.rs"]
mod worked;
