//! Any text as a file of an application, a migration, a model or a review, with all rules that need
//! no server.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/howdah-review/tests/main/reading.rs"]
mod reading;

fuzz_target!(|input: &[u8]| reading::read_any(input));
