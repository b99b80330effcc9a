//! What a batch adds to each level of a rollup, as columns in PostgreSQL's binary form.

use crate::fault::Fault;
use crate::types::Type;
use crate::value::{self, Value};

/// What a batch adds to one rollup: its levels, in the model's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollupDelta {
    /// Which of the rollups that were given to [`crate::Folder::compile`].
    pub rollup: usize,
    /// One for each level.
    pub levels: Vec<LevelDelta>,
}

/// What a batch adds to one level: a row for each key and bucket, in the order of the keys' bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelDelta {
    /// How many rows; 0: nothing to write.
    pub rows: usize,
    /// The key's columns, the bucket if there is one, the stored columns: as
    /// `howdah_rollup::delta::columns` names and types them.
    pub columns: Vec<Elements>,
}

/// The values of one column as the elements of an array in PostgreSQL's binary form (`array_send`):
/// for each an `i32` length (-1 for null) and the bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Elements {
    /// How many elements.
    pub len: usize,
    /// The elements.
    pub bytes: Vec<u8>,
    /// Whether any is null.
    pub has_nulls: bool,
}

impl Elements {
    pub(crate) fn push_bytes(&mut self, value: Option<&[u8]>) {
        self.len += 1;
        match value {
            None => {
                self.has_nulls = true;
                self.bytes.extend_from_slice(&(-1_i32).to_be_bytes());
            }
            Some(bytes) => {
                self.bytes.extend_from_slice(&(bytes.len() as i32).to_be_bytes());
                self.bytes.extend_from_slice(bytes);
            }
        }
    }

    pub(crate) fn push(&mut self, kind: &Type, value: &Value<'_>) -> Result<(), Fault> {
        if value.is_null() {
            self.push_bytes(None);
            return Ok(());
        }
        self.len += 1;
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        value::write(kind, value, &mut self.bytes)?;
        let length = (self.bytes.len() - start - 4) as i32;
        self.bytes[start..start + 4].copy_from_slice(&length.to_be_bytes());
        Ok(())
    }
}
