//! The system file, read with spans and checked against a catalog.
//!
//! [`model::System`] is the result: what the other crates compile, plan, ingest and verify.
//!
//! Invariant: no IO; the text of the file and the catalog come from the caller.

mod column;
pub mod model;
mod secret;
mod source;
mod time;

pub use column::{ColumnType, StreamColumn};
pub use model::{
    Accept, Expr, IngestLimits, KeyColumn, Level, Measure, MeasureKind, PositionFold, Roles,
    Rollup, Segment, Stream, System, Tenants, TimeType,
};
pub use secret::SecretRef;
pub use source::{Format, MapFrom, Mapping, Origin, ReadAs, Source};
pub use time::{Bucket, Span};
