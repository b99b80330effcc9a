//! SQL text to statements with spans, statements to commands, and expressions to column
//! references. The only crate that sees the parser.

pub mod command;
pub mod expression;
pub mod search;
mod split;

pub use split::{
    ConcurrentIndex, Lines, Position, ProblemKind, PsqlVariable, SplitProblem, Statement, comments,
    psql_variables, split,
};
