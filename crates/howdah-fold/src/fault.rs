//! Why something is not computed here.

use std::fmt;

/// Why a row cannot be computed here; without values of the row. The server computes the batch
/// instead, and refuses the row if it must.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault(pub(crate) &'static str);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A row that cannot be computed here, so neither can its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowFault {
    /// Which of the rows given; `None` when it is the sum of several.
    pub row: Option<usize>,
    /// Why.
    pub fault: Fault,
}

impl fmt::Display for RowFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row {
            Some(row) => write!(f, "row {row}: {}", self.fault),
            None => self.fault.fmt(f),
        }
    }
}

/// A rollup that stays with the server, whatever the batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsupported {
    /// The rollup's name in the system file.
    pub rollup: String,
    /// Why, for people: `measure "high": min and max of text need the collation "C"`.
    pub reason: String,
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rollup \"{}\": {}", self.rollup, self.reason)
    }
}
