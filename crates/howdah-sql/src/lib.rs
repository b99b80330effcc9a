//! SQL text to statements with spans, and expressions to column references. The only crate that
//! sees the parser.

pub mod expression;
