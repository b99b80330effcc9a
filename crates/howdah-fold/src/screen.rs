//! Rows that the conditions of a table may refuse, found before they are written.

use howdah_system::Stream;

use crate::fault::Fault;
use crate::tuple::{Arg, Builder, Program, TupleColumn, Values, split};
use crate::value::Value;

/// Finds the rows of a batch for which a condition of the stream's table is false here.
#[derive(Debug, Clone)]
pub struct Screen {
    program: Program,
    conditions: Vec<Arg>,
}

impl Screen {
    /// For tuples of the columns `layout`. Conditions that are not computed here find nothing.
    #[must_use]
    pub fn compile(stream: &Stream, layout: &[TupleColumn], conditions: &[String]) -> Self {
        let mut builder = Builder::new(stream, layout);
        let mut compiled = Vec::new();
        for condition in conditions {
            let before = builder.program.clone();
            match builder.condition(condition) {
                Ok(arg) => compiled.push(arg),
                Err(_) => builder.program = before,
            }
        }
        Self { program: builder.program, conditions: compiled }
    }

    /// The places of the tuples that the server may refuse. It has the last word on them, and on
    /// all others too.
    #[must_use]
    pub fn suspects<'a>(&'a self, tuples: &[&'a [u8]]) -> Vec<usize> {
        if self.conditions.is_empty() {
            return Vec::new();
        }
        let (mut fields, mut values) = (Vec::new(), Values::new(&self.program));
        let mut out = Vec::new();
        for (place, tuple) in tuples.iter().enumerate() {
            if !self.holds(tuple, &mut fields, &mut values).unwrap_or(false) {
                out.push(place);
            }
        }
        out
    }

    fn holds<'a>(
        &'a self,
        tuple: &'a [u8],
        fields: &mut Vec<Option<&'a [u8]>>,
        values: &mut Values<'a>,
    ) -> Result<bool, Fault> {
        split(tuple, fields, self.program.fields)?;
        values.read(fields)?;
        for condition in &self.conditions {
            if matches!(values.get(*condition)?, Value::Bool(false)) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
