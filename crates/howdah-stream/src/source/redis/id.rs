//! Ids of entries.

use std::fmt;

/// An entry's id: milliseconds and a sequence number. Ids of a stream only grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Id(pub(super) u64, pub(super) u64);

impl Id {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (ms, sequence) = text.split_once('-')?;
        Some(Self(ms.parse().ok()?, sequence.parse().ok()?))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::Id;

    #[test]
    fn ids_are_ordered_by_time_and_sequence() {
        let id = |text| Id::parse(text);
        assert!(id("2-0") < id("10-0") && id("2-9") < id("2-10"));
        assert_eq!(
            id("1723161255342-7").map(|id| id.to_string()).as_deref(),
            Some("1723161255342-7")
        );
        for text in ["", "-", "1", "1-", "a-b", "1-2-3"] {
            assert_eq!(id(text), None, "{text}");
        }
    }
}
