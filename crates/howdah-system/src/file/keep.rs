//! How long tenants keep their events, in `[tenants]` and in `[streams.NAME]`.

use super::reader::{At, Section};
use crate::time::Span;
use crate::units;

/// A column of the table of tenants, with bounds of what it may say.
#[derive(Debug, Clone)]
pub(crate) struct KeepBySection {
    pub(crate) column: Option<At<String>>,
    pub(crate) least: Option<At<Span>>,
    pub(crate) most: Option<At<Span>>,
}

impl KeepBySection {
    /// `KEY`, `keep_least` and `keep_most`.
    pub(super) fn read(section: &Section<'_>, key: &'static str) -> Self {
        Self {
            column: section.string(key),
            least: section.parsed("keep_least", units::span),
            most: section.parsed("keep_most", units::span),
        }
    }
}
