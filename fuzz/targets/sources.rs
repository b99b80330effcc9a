//! Any text as a file of an application, a migration, a model or a review, with all rules that need
//! no server. The first byte says which kind of file it is.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/howdah-review/tests/main/reading.rs"]
mod reading;

/// A name for each reader, by which it takes the file.
const NAMES: [&str; 9] = [
    "a.rs", "schema.rs", "a.ts", "schema.ts", "a.go", "models.py", "schema.prisma", "a.sql", "a.md",
];

fuzz_target!(|input: &[u8]| {
    let Some((kind, text)) = input.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    reading::read_all(NAMES[usize::from(*kind) % NAMES.len()], text);
});
