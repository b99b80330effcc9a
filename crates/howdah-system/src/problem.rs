//! Mistakes in a system file: where, what is wrong, what would be right; and all of them as one
//! error.

use std::fmt;

use howdah_error::{Code, Error};

/// A place in the system file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
    /// The way of keys that leads there: `streams.trades.time`.
    pub path: String,
    /// Where the text of a string begins, when it is written as it reads (no escapes).
    pub(crate) body: Option<(u32, u32)>,
}

impl Place {
    /// The place `offset` bytes into the string `text` that stands here.
    pub(crate) fn inside(&self, text: &str, offset: usize) -> Self {
        let Some((line, column)) = self.body else { return self.clone() };
        let before = text.get(..offset).unwrap_or(text);
        let newlines = before.matches('\n').count() as u32;
        let last = before.rsplit('\n').next().unwrap_or_default().chars().count() as u32;
        let column = if newlines == 0 { column + last } else { last + 1 };
        Self { line: line + newlines, column, ..self.clone() }
    }

    /// A mistake here.
    pub(crate) fn problem(&self, message: impl Into<String>) -> Problem {
        Problem { place: self.clone(), message: message.into(), hint: None }
    }
}

/// One mistake in a system file. `Display` gives `line:column: message` and the hint on a line of
/// its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What is wrong; lower-case, without a full stop; never a secret.
    pub message: String,
    /// What would be right, as sentences.
    pub hint: Option<String>,
}

impl Problem {
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn hint_if(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.place.line, self.place.column, self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, "\n  Hint: {hint}")?;
        }
        Ok(())
    }
}

/// Puts problems in the order of the file and drops those said twice.
pub(crate) fn in_order(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by(|a, b| {
        (a.place.line, a.place.column, &a.message).cmp(&(b.place.line, b.place.column, &b.message))
    });
    problems.dedup_by(|a, b| {
        a.message == b.message && (a.place.line, a.place.column) == (b.place.line, b.place.column)
    });
    problems
}

/// All mistakes of the file `path` as one error with code HD0301: one `path:line:column: message`
/// after the other in the order of the file, then their number.
#[must_use]
pub fn error_of(path: &str, problems: &[Problem]) -> Error {
    use fmt::Write as _;
    let problems = in_order(problems.to_vec());
    let mut detail = String::new();
    for problem in &problems {
        let _ = write!(detail, "\n{path}:{problem}");
    }
    let count = match problems.len() {
        1 => "1 mistake".to_owned(),
        n => format!("{n} mistakes"),
    };
    let _ = write!(detail, "\n{count} in {path}.");
    Error::input(format!("the system file has {count}")).code(Code::BadSystemFile).detail(detail)
}
