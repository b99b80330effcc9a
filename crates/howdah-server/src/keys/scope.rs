//! What a key may do.

use std::fmt;
use std::str::FromStr;

use howdah_error::Error;

/// One thing that a key may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// `write:STREAM`: send events into a stream.
    Write(String),
    /// `any-tenant`: name any tenant in events; for keys without a tenant.
    AnyTenant,
    /// `metrics`: read `/metrics` from elsewhere than the loopback.
    Metrics,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(stream) => write!(f, "write:{stream}"),
            Self::AnyTenant => f.write_str("any-tenant"),
            Self::Metrics => f.write_str("metrics"),
        }
    }
}

impl FromStr for Scope {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.split_once(':') {
            Some(("write", stream)) if !stream.is_empty() => Ok(Self::Write(stream.to_owned())),
            None if text == "any-tenant" => Ok(Self::AnyTenant),
            None if text == "metrics" => Ok(Self::Metrics),
            _ => Err(Error::input(format!("\"{text}\" is not a scope"))
                .hint("Scopes are write:STREAM, any-tenant and metrics.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_as_they_are_written() {
        for text in ["write:trades", "write:a:b", "any-tenant", "metrics"] {
            assert_eq!(text.parse::<Scope>().ok().map(|s| s.to_string()).as_deref(), Some(text));
        }
        for text in ["", "write", "write:", "read:trades", "metrics:", "any-tenant:x", "Metrics"] {
            assert!(text.parse::<Scope>().is_err(), "{text}");
        }
    }
}
