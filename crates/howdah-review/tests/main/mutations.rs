//! The readers of source, models, migrations and reviews over texts that were cut, doubled and
//! mixed: none panics, none hangs, and whatever is said lies within the text.
//!
//! The corpus is `tests/seeds` and the files of the designs; a text that has harmed a reader is
//! added to it. `HOWDAH_MUTATIONS` is how many changed texts are tried, and `HOWDAH_SEED` begins
//! elsewhere.

use std::fs;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use crate::reading::{read_all, read_any};

/// Changed texts that are tried when nobody says how many.
const TEXTS: u64 = 400;
/// A text that takes longer has no end: the longest takes some milliseconds.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often a piece is repeated for a text in which every reader has much to do.
const REPEATED: usize = 20_000;

/// What hurts a reader most.
const HURTFUL: &[&str] = &[
    "'",
    "\"",
    "`",
    "\\",
    "${",
    "{",
    "}",
    "/*",
    "*/",
    "//",
    "#",
    "r#\"",
    "\"#",
    "'''",
    "\"\"\"",
    "f'",
    "for (",
    "for x in y:\n",
    "/",
    "é",
    "🦀",
    "\r\n",
    "\u{0}",
    "(",
    ")",
    "[",
    "]",
    "@@map(",
    "@relation(",
    "table! {",
    "pgTable(",
    "__tablename__ = ",
    "mapped_column(",
    "-- howdah:allow ",
    "-- +goose Up\n",
    "-- +goose StatementBegin\n",
    "{{ .Schema }}",
    "$$",
    "alter table ",
    ";",
    "```sql\n",
    "```\n",
    "| 7/10 |",
    "insert into a select 1",
    " offset ",
    "backoff = pow(",
];

/// A generator of numbers that is the same everywhere (splitmix64, Steele and others 2014).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % below.max(1) as u64).unwrap()
    }
}

fn corpus() -> Vec<(String, String)> {
    let mut files = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/seeds"), &mut files);
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/designs"), &mut files);
    files.sort();
    files
}

fn collect(folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            files.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

fn boundary(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The text with a few changes.
fn changed(numbers: &mut Numbers, corpus: &[(String, String)], text: &str) -> String {
    let mut text = text.to_owned();
    for _ in 0..=numbers.next(5) {
        let at = boundary(&text, numbers.next(text.len() + 1));
        let to = boundary(&text, at + numbers.next(200)).max(at);
        match numbers.next(4) {
            0 => text.replace_range(at..to, ""),
            1 => {
                let part = text[at..to].to_owned();
                text.insert_str(at, &part);
            }
            2 => text.insert_str(at, HURTFUL[numbers.next(HURTFUL.len())]),
            _ => {
                let (_, other) = &corpus[numbers.next(corpus.len())];
                let from = boundary(other, numbers.next(other.len() + 1));
                let end = boundary(other, from + 300).max(from);
                text.insert_str(at, &other[from..end]);
            }
        }
    }
    text
}

/// Reads it in a thread of its own, for a reader that never ends cannot be ended otherwise.
fn read_in_time(name: &str, text: String) {
    let (done, end) = mpsc::channel();
    let (file, shown) = (name.to_owned(), text.clone());
    let reader = std::thread::spawn(move || {
        read_all(&file, &text);
        let _ = done.send(());
    });
    let is_read = end.recv_timeout(PATIENCE) != Err(mpsc::RecvTimeoutError::Timeout);
    assert!(is_read, "{name} is not read to its end:\n{}", &shown[..boundary(&shown, 2000)]);
    let head = &shown[..boundary(&shown, 20_000)];
    assert!(reader.join().is_ok(), "{name} harms a reader:\n{head}");
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn no_text_harms_a_reader() {
    let corpus = corpus();
    let mut numbers = Numbers(number("HOWDAH_SEED", 20_261_130));
    for (name, text) in &corpus {
        read_in_time(name, text.clone());
    }
    for _ in 0..number("HOWDAH_MUTATIONS", TEXTS) {
        let (name, text) = &corpus[numbers.next(corpus.len())];
        // Also as a file of another kind.
        let name = if numbers.next(8) == 0 { &corpus[numbers.next(corpus.len())].0 } else { name };
        read_in_time(name, changed(&mut numbers, &corpus, text));
    }
}

#[test]
fn no_repeated_piece_takes_a_reader_longer_than_its_length() {
    let names = ["a.rs", "a.ts", "a.go", "a.py", "schema.prisma", "a.sql"];
    for name in names {
        for piece in HURTFUL {
            read_in_time(name, piece.repeat(REPEATED / piece.len().min(8)));
        }
    }
}

/// What the fuzzer has kept, by `make fuzz TARGET=sources`.
#[test]
fn the_corpus_of_the_fuzzer_is_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/sources");
    let files = fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    let read = files.inspect(|bytes| read_any(bytes)).count();
    assert!(read > 0);
}
