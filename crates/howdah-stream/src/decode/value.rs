//! One value of an event, as far as the event's own notation says what it is.

use std::borrow::Cow;

use super::fault::Fault;

/// A value as the event has it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'a> {
    /// A JSON value, as its text; well-formed. Not `null`.
    Json(&'a str),
    /// A plain text: a CSV field, a Redis field, a constant, an element of an array literal.
    Plain(Cow<'a, str>),
}

/// A value of which only the text matters; says what JSON called it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar<'a> {
    /// A text, or a number by its text.
    Text(Cow<'a, str>),
    /// A JSON boolean.
    Bool(bool),
    /// A JSON object or array, as its text.
    Composite(&'a str),
}

impl Value<'_> {
    /// The scalar that this value is; a JSON string is unescaped.
    pub(crate) fn scalar(&self) -> Result<Scalar<'_>, Fault> {
        Ok(match self {
            Self::Plain(text) => Scalar::Text(Cow::Borrowed(text)),
            Self::Json(raw) => match raw.as_bytes().first() {
                Some(b'"') => Scalar::Text(unescape(raw)?),
                Some(b't') => Scalar::Bool(true),
                Some(b'f') => Scalar::Bool(false),
                Some(b'{' | b'[') => Scalar::Composite(raw),
                _ => Scalar::Text(Cow::Borrowed(raw)),
            },
        })
    }
}

impl Scalar<'_> {
    /// The text of a text or number. A JSON boolean, object or array is not one: no type but bool
    /// reads `true`, and a text column takes composites by [`Scalar::any_text`].
    pub(crate) fn text(&self, expected: &'static str) -> Result<&str, Fault> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Bool(_) | Self::Composite(_) => Err(Fault::wrong_type(expected)),
        }
    }

    /// The text of whatever it is: `true`, `{"a":1}`.
    pub(crate) fn any_text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Bool(true) => "true",
            Self::Bool(false) => "false",
            Self::Composite(raw) => raw,
        }
    }
}

/// The content of a JSON string with its quotes.
fn unescape(raw: &str) -> Result<Cow<'_, str>, Fault> {
    let inner = raw.get(1..raw.len() - 1).unwrap_or_default();
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Ok(Cow::Borrowed(inner));
    }
    serde_json::from_str::<String>(raw)
        .map(Cow::Owned)
        .map_err(|_| Fault::wrong_type("holds half of a character in its escapes"))
}
