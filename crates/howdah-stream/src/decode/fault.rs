//! Why a value does not fit its column: a code and what was expected, never the value.

use std::borrow::Cow;

/// A value that does not fit; the decoder adds the column and the field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// One of the codes of [`crate::decode`].
    pub(crate) code: &'static str,
    /// What is wrong, as the end of a sentence: `is not an integer`.
    pub(crate) what: Cow<'static, str>,
}

impl Fault {
    /// The value is not of the column's type at all.
    pub(crate) fn wrong_type(what: impl Into<Cow<'static, str>>) -> Self {
        Self { code: "wrong_type", what: what.into() }
    }

    /// The value is of the type but outside what the column can hold.
    pub(crate) fn out_of_range(what: impl Into<Cow<'static, str>>) -> Self {
        Self { code: "out_of_range", what: what.into() }
    }

    /// A fault with another code.
    pub(crate) fn new(code: &'static str, what: impl Into<Cow<'static, str>>) -> Self {
        Self { code, what: what.into() }
    }
}
