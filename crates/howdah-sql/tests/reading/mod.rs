//! What must hold of any text that is read as SQL; the tests with changed texts and the fuzzer
//! share it.

use howdah_sql::command::{Command, escapes_within, read};
use howdah_sql::{comments, split};

/// Reads all there is to read, and holds what must hold of any text.
pub fn read_all(text: &str) {
    let (statements, problems) = split(text);
    let mut end = 0;
    for statement in &statements {
        assert!(statement.span.start >= end && statement.span.end <= text.len());
        assert_eq!(&text[statement.span.clone()], statement.text);
        end = statement.span.end;
        let _ = (statement.needs_no_transaction(), statement.concurrent_index());
        match read(statement.text) {
            Command::AlterTable(table) => {
                for (_, span) in table.actions {
                    let _ = &statement.text[span];
                }
            }
            Command::CreateTable(table) => {
                for span in table.columns.iter().map(|c| &c.span) {
                    let _ = &statement.text[span.clone()];
                }
                for span in table.constraints.iter().map(|c| &c.span) {
                    let _ = &statement.text[span.clone()];
                }
            }
            Command::CreateIndex(index) => {
                for part in index.keys.iter().chain(&index.predicate) {
                    assert_eq!(statement.text[part.span.clone()], part.text);
                }
            }
            Command::Do { body, .. } => {
                assert_eq!(statement.text[body.span.clone()], body.text);
                let _ = escapes_within(&body.text);
            }
            _ => {}
        }
    }
    for problem in problems {
        assert!(problem.offset <= text.len());
    }
    for (at, comment) in comments(text) {
        assert!(text[at..].starts_with(comment));
    }
}
