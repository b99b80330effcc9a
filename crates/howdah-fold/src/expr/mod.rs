//! Expressions: compiled once, then computed row by row over values already read.

mod compile;
mod eval;

pub(crate) use compile::{Compiled, Scope, cast, compile, constant, labels};

use crate::types::Width;
use crate::value::{Comparer, Constant};

/// A compiled expression. Every node gives null or a value of the type that the compiler noted.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    /// A value that the caller has read.
    Slot(usize),
    Constant(Constant),
    Not(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Compare(Relation, Comparer, Box<Node>, Box<Node>),
    /// `is distinct from`; negated: `is not distinct from`.
    Distinct(Comparer, Box<Node>, Box<Node>, bool),
    In(Comparer, Box<Node>, Vec<Node>, bool),
    /// `is null`; negated: `is not null`.
    IsNull(Box<Node>, bool),
    /// `is true` or `is false`; negated: `is not …`.
    IsBool(Box<Node>, bool, bool),
    /// Integers of a width: overflow is a fault.
    Whole(Operator, Width, Box<Node>, Box<Node>),
    /// Numerics.
    Decimal(Operator, Box<Node>, Box<Node>),
    Negate(Option<Width>, Box<Node>),
    Absolute(Option<Width>, Box<Node>),
    Case(Vec<(Node, Node)>, Box<Node>),
    Coalesce(Vec<Node>),
    /// `greatest` or `least`: nulls do not count.
    Extreme(Relation, Comparer, Vec<Node>),
    NullIf(Comparer, Box<Node>, Box<Node>),
    /// An integer or a float as numeric; for floats the digits that PostgreSQL takes over.
    ToNumeric(Option<usize>, Box<Node>),
    /// A number as an integer.
    ToWhole(Width, Box<Node>),
    /// `numeric(p,s)`: rounded, then within p digits.
    Limit(u16, u16, Box<Node>),
    Round(u16, Box<Node>),
    Trim(Box<Node>),
    /// A timestamp as a date.
    ToDate(Box<Node>),
    /// A date as a timestamp.
    ToTimestamp(Box<Node>),
}

/// `<`, `=` and the like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}
