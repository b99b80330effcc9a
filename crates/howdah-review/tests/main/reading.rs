//! What must hold of any text that a reader of the review is given; the tests with changed texts
//! and the fuzzer share it.

use howdah_review::claims::Document;
use howdah_review::migrations::RawFile;
use howdah_review::target::facts_of;
use howdah_review::{check, suppress};

/// A name for each reader, by which it takes the file.
const NAMES: [&str; 9] = [
    "a.rs",
    "schema.rs",
    "a.ts",
    "schema.ts",
    "a.go",
    "models.py",
    "schema.prisma",
    "a.sql",
    "a.md",
];

/// Reads what the fuzzer makes: a byte that says which kind of file it is, and a text.
pub fn read_any(input: &[u8]) {
    let Some((kind, text)) = input.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    read_all(NAMES[usize::from(*kind) % NAMES.len()], text);
}

/// Reads the text as all that it may be, and lets every rule look at it.
pub fn read_all(name: &str, text: &str) {
    let files = vec![
        RawFile { path: "1_a.sql".into(), text: "create table orders (id int);".into() },
        RawFile { path: format!("2_{name}"), text: text.to_owned() },
    ];
    let facts = facts_of(files);
    for file in &facts.sources {
        assert_eq!(file.code.len(), file.text.len());
        for string in &file.strings {
            let _ = &file.text[string.span.clone()];
        }
        for body in file.loops() {
            let _ = &file.text[body];
        }
    }
    for statement in &facts.statements {
        let _ = &facts.files[statement.file].text[statement.span.clone()];
    }
    for finding in check(&facts) {
        let Some(place) = finding.place else { continue };
        let of_source = facts.sources.iter().find(|f| f.path == place.path).map(|f| &f.text);
        let of_file = facts.files.iter().find(|f| f.path == place.path).map(|f| &f.text);
        if let Some(text) = of_source.or(of_file) {
            assert!(text.is_char_boundary(place.span.start) && place.span.end <= text.len());
        }
    }
    let document = Document::read(text);
    assert!(document.passages.iter().all(|passage| passage.line >= 1));
    for kind in howdah_review::claims::all() {
        let _ = document.blocks.iter().any(|block| kind.is_coded(&block.text));
    }
    let _ = suppress::allowed(text);
}
