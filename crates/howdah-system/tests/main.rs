//! The system file as a whole: read, held against a catalog made by hand, and what is said of
//! mistakes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

#[path = "main/catalog.rs"]
mod catalog;
#[path = "main/database.rs"]
mod database;
#[path = "main/derived.rs"]
mod derived;
#[path = "main/form.rs"]
mod form;
#[path = "main/keep.rs"]
mod keep;
#[path = "main/mistakes.rs"]
mod mistakes;
#[path = "main/robust.rs"]
mod robust;
#[path = "main/routes.rs"]
mod routes;
#[path = "main/spans.rs"]
mod spans;
#[path = "main/trading.rs"]
mod trading;
#[path = "main/visible.rs"]
mod visible;
