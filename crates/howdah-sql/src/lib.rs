//! SQL text to statements with spans, and expressions to column references. The only crate that
//! sees the parser.

pub mod expression;
mod split;

pub use split::{ConcurrentIndex, Lines, Position, ProblemKind, SplitProblem, Statement, split};
