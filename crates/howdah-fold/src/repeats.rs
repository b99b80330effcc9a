//! Rows of a batch that have one key.

use hashbrown::DefaultHashBuilder;
use howdah_system::Stream;

use crate::fault::RowFault;
use crate::key::{self, Groups};
use crate::tuple::{Builder, RawField, TupleColumn, split};

/// Finds the rows of a batch that repeat the stream's key of an earlier one.
#[derive(Debug, Clone)]
pub struct Repeats {
    fields: usize,
    key: Vec<RawField>,
}

impl Repeats {
    /// For tuples of the columns `layout`.
    ///
    /// # Errors
    /// Why keys cannot be compared here, in few words.
    pub fn compile(stream: &Stream, layout: &[TupleColumn]) -> Result<Self, String> {
        let builder = Builder::new(stream, layout);
        let mut columns = Vec::with_capacity(stream.key.len());
        for name in &stream.key {
            let raw = builder.raw(name)?;
            key::check(&raw)?;
            columns.push(raw);
        }
        Ok(Self { fields: layout.len(), key: columns })
    }

    /// For each tuple a number: the same for tuples of one key, rising from 0 by their first. In a
    /// stream without a key every row is its own.
    ///
    /// # Errors
    /// A tuple is malformed.
    pub fn number(&self, tuples: &[&[u8]]) -> Result<Vec<u32>, RowFault> {
        if self.key.is_empty() {
            return Ok((0..tuples.len() as u32).collect());
        }
        let hasher = DefaultHashBuilder::default();
        let (mut fields, mut values) = (Vec::new(), Vec::new());
        let mut groups = Groups::new(&self.key);
        let mut out = Vec::with_capacity(tuples.len());
        for (row, tuple) in tuples.iter().enumerate() {
            let hash = split(tuple, &mut fields, self.fields)
                .and_then(|()| key::read(&self.key, &fields, &hasher, &mut values))
                .map_err(|fault| RowFault { row: Some(row), fault })?;
            out.push(groups.find(hash, &values, 0).0 as u32);
        }
        Ok(out)
    }
}
