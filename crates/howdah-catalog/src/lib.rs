//! A PostgreSQL database as data.
//!
//! [`Catalog`] holds what introspection found (or what SQL text declares): schemas, relations with
//! their columns, constraints, indexes, policies and triggers, types, functions, roles, grants,
//! extensions, settings and sizes. [`diff`] compares two of them.
//!
//! Invariant: no IO, no async; a value of PostgreSQL that this crate does not know is kept as
//! `Other(…)`, never refused.

pub mod diff;
mod model;
pub mod name;
mod object;
mod partition;
mod relation;

pub use diff::{Change, ChangeKind, Object, Part, diff};
pub use model::{Catalog, Extension, Schema, Server, Setting};
pub use name::{Ident, Literal, RelName};
pub use object::{
    Composite, Domain, EnumType, Function, FunctionKind, Grant, GrantTarget, Role, TypeKind,
    UserType, Volatility,
};
pub use partition::{Bound, PartitionBound, PartitionKey, PartitionStrategy, Partitioning};
pub use relation::{
    Column, Constraint, ConstraintKind, Generated, Identity, Index, IndexColumn, Policy,
    PolicyCommand, Relation, RelationKind, RelationStats, Trigger,
};
