//! How a table is cut into partitions, and which part a partition holds.

use crate::{Ident, RelName};

/// How a partitioned table is cut.
#[derive(Debug, Clone, PartialEq)]
pub struct Partitioning {
    /// By range, list or hash.
    pub strategy: PartitionStrategy,
    /// The key's parts, in order.
    pub keys: Vec<PartitionKey>,
    /// The default partition, if there is one.
    pub default_partition: Option<RelName>,
}

/// One part of a partition key.
#[derive(Debug, Clone, PartialEq)]
pub enum PartitionKey {
    /// A column.
    Column(Ident),
    /// An expression, as PostgreSQL prints it.
    Expression(String),
}

/// The partitioning strategy.
#[derive(Debug, Clone, PartialEq)]
pub enum PartitionStrategy {
    /// `partition by range`.
    Range,
    /// `partition by list`.
    List,
    /// `partition by hash`.
    Hash,
    /// One that this version of howdah does not know.
    Other(char),
}

/// What makes a relation a partition: its parent and the part that it holds.
#[derive(Debug, Clone, PartialEq)]
pub struct PartitionBound {
    /// The partitioned table.
    pub parent: RelName,
    /// The part.
    pub bound: Bound,
    /// `pg_get_expr(relpartbound)`, as printed with TimeZone UTC and DateStyle ISO.
    pub text: String,
    /// `detach concurrently` was begun and not finished.
    pub detach_pending: bool,
}

/// The part of the key that a partition holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// `from (…) to (…)` of a one-column range key, the literal texts without quotes;
    /// `None` stands for `minvalue` and `maxvalue`.
    Range {
        /// Inclusive lower bound.
        from: Option<String>,
        /// Exclusive upper bound.
        to: Option<String>,
    },
    /// The default partition.
    Default,
    /// Lists, hashes, ranges of several columns: see the text.
    Other,
}
