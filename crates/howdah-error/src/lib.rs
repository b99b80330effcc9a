//! The one error of howdah.
//!
//! An [`Error`] says what happened (`message`), where and how exactly (`detail`), what to do
//! (`hint`), and why (`source`). The wording follows PostgreSQL: the message is lower-case, factual
//! and without a full stop; detail and hint are sentences. `Display` prints the message alone; the
//! chain is printed once, at the rim, by [`Error::report`].
//!
//! Failures that a user can see and act on carry a [`Code`], whose page `howdah explain` prints.
//!
//! Invariant: no message, detail or hint holds a secret or the value of a row.

mod code;

pub use code::Code;

use std::fmt;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Who can do something about an error; decides the exit code and whether a retry makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The user's input is wrong: system file, arguments, migration, event.
    Input,
    /// The other side could not be reached or answered with a passing fault; trying again may help.
    Unavailable,
    /// The other side refused: missing right, wrong version, wrong password.
    Refused,
    /// What is there contradicts what was expected; going on would lose or change data.
    Conflict,
    /// A proof failed: rollups differ from the stream, a tenant's rows cross.
    Proof,
    /// Reading or writing a file, starting a process.
    Io,
    /// A mistake in howdah itself.
    Internal,
}

/// Kind, code, message, detail, hint and source of one failure.
#[derive(Debug)]
pub struct Error(Box<Parts>);

#[derive(Debug)]
struct Parts {
    kind: Kind,
    code: Option<Code>,
    message: String,
    detail: Option<String>,
    hint: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind`; `message` is lower-case and has no full stop.
    #[must_use]
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            kind,
            code: None,
            message: message.into(),
            detail: None,
            hint: None,
            source: None,
        }))
    }

    /// Wrong input of the user.
    #[must_use]
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(Kind::Input, message)
    }

    /// A mistake in howdah itself, reported instead of a panic.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Kind::Internal, message)
    }

    /// The code whose page explains this failure.
    #[must_use]
    pub fn code(mut self, code: Code) -> Self {
        self.0.code = Some(code);
        self
    }

    /// One or more sentences: where, how, which.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// One or more sentences: what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The error behind this one; attached, never formatted into the message.
    #[must_use]
    pub fn source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Who can act.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The code, when this failure has a page.
    #[must_use]
    pub fn get_code(&self) -> Option<Code> {
        self.0.code
    }

    /// The message alone, as `Display` prints it.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The detail, if any.
    #[must_use]
    pub fn get_detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// The hint, if any.
    #[must_use]
    pub fn get_hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The whole error for a person: message and code, detail, each cause, hint, one a line.
    ///
    /// Called once, where the error leaves the program.
    #[must_use]
    pub fn report(&self) -> String {
        use fmt::Write as _;
        let mut out = String::from("error: ");
        out.push_str(&self.0.message);
        if let Some(code) = self.0.code {
            let _ = write!(out, " [{code}]");
        }
        match &self.0.detail {
            // A detail of lines of its own, such as all mistakes of a file.
            Some(lines) if lines.starts_with('\n') => out.push_str(lines),
            Some(detail) => {
                let _ = write!(out, "\n  Detail: {detail}");
            }
            None => {}
        }
        let mut cause = std::error::Error::source(self);
        let mut told = String::new();
        while let Some(error) = cause {
            let text = error.to_string();
            cause = error.source();
            // Many libraries say in each error what the next one says too.
            if told.ends_with(&text) {
                continue;
            }
            let _ = write!(out, "\n  Cause: {text}");
            told = text;
            if let Some(inner) = error.downcast_ref::<Self>()
                && let Some(detail) = &inner.0.detail
            {
                let _ = write!(out, " ({detail})");
            }
        }
        if let Some(hint) = &self.0.hint {
            let _ = write!(out, "\n  Hint: {hint}");
        }
        if let Some(code) = self.0.code {
            let _ = write!(out, "\n  See: howdah explain {code}");
        }
        out
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| &**source as &(dyn std::error::Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_prints_each_part_once() {
        let error = Error::new(Kind::Unavailable, "could not connect to PostgreSQL")
            .code(Code::CannotConnect)
            .detail("The server at 127.0.0.1:5432 did not answer within 5 s.")
            .hint("Check that the server runs.")
            .source(std::io::Error::new(std::io::ErrorKind::TimedOut, "timed out"));
        assert_eq!(error.to_string(), "could not connect to PostgreSQL");
        assert_eq!(
            error.report(),
            "error: could not connect to PostgreSQL [HD0101]\n  \
             Detail: The server at 127.0.0.1:5432 did not answer within 5 s.\n  \
             Cause: timed out\n  \
             Hint: Check that the server runs.\n  \
             See: howdah explain HD0101"
        );
    }

    #[test]
    fn a_cause_that_the_one_before_it_has_told_is_left_out() {
        let inner = Error::new(Kind::Input, "connection refused");
        let middle = Error::new(Kind::Input, "HTTP error: connection refused").source(inner);
        let outer = Error::new(Kind::Input, "could not write").source(middle);
        assert_eq!(
            outer.report(),
            "error: could not write\n  Cause: HTTP error: connection refused"
        );
    }
}
