//! The effective configuration: each setting, its value, and where it comes from.

use std::fmt;

/// One setting in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectiveSetting {
    /// The way of keys: `ingest.linger`.
    pub path: String,
    /// The value as the system file would write it; a secret is only its reference.
    pub value: String,
    /// Where it comes from.
    pub origin: SettingOrigin,
}

/// Where a setting comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingOrigin {
    /// A line of the system file.
    File {
        /// The line, from 1.
        line: u32,
    },
    /// Not in the file: howdah's default.
    Default,
}

impl fmt::Display for SettingOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { line } => write!(f, "line {line}"),
            Self::Default => f.write_str("default"),
        }
    }
}
