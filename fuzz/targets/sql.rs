//! Any text as SQL: statements, their parts, comments.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/howdah-sql/tests/reading/mod.rs"]
mod reading;

fuzz_target!(|text: &str| reading::read_all(text));
