//! The system file, read with spans and checked against a catalog.
//!
//! [`SystemFile::parse`] reads the text and finds every mistake of form; [`SystemFile::check`]
//! holds it against a [`howdah_catalog::Catalog`] and asks what only the server knows;
//! [`Draft::finish`] gives [`model::System`]: what the other crates compile, plan, ingest and
//! verify.
//!
//! Invariant: no IO; the text of the file, the catalog, the environment and the answers of the
//! server come from the caller. No text is a panic, and no message holds a secret.

mod check;
mod column;
mod effective;
mod file;
pub mod model;
mod problem;
mod secret;
mod source;
mod span;
mod suggest;
mod time;
mod units;

pub use check::{Draft, ExprProblem, ExprQuestion};
pub use column::{ColumnType, StreamColumn};
pub use effective::{EffectiveSetting, SettingOrigin};
pub use file::{DatabaseConfig, DatabaseTarget, HttpConfig, SystemFile, UpkeepConfig, Window};
pub use model::{
    Accept, Computed, Derived, DerivedKey, DerivedKind, DerivedMeasure, Expr, IngestLimits, KeepBy,
    KeyColumn, Level, Marker, Measure, MeasureKind, PositionFold, Reorganisation, Roles, Rollup,
    Segment, Sight, Stream, System, TenantKeep, Tenants, Through, TimeType, Visible, Watched,
};
pub use problem::{Place, Problem, error_of};
pub use secret::SecretRef;
pub use source::{
    Condition, Expectation, Format, HashPart, MapFrom, Mapping, Mqtt, Origin, ReadAs, RedisGroup,
    Route, Source, topic_level,
};
pub use span::{Calendar, SpanAt, SpanRollup, Spans};
pub use time::{Bucket, Span};
