//! Rollups from which events can be taken away again: counts, and sums beside a count of what they
//! sum. Nothing of the stream is read for it, so the stream needs no index by the rollup's key.
//!
//! A group is gone when the count of all its events is 0, and a sum is null again when the count of
//! its values is. So both counts must be there; [`is_subtractable`] says whether they are.

use howdah_catalog::{Ident, name};
use howdah_sql::expression::{Tree, parse_tree};
use howdah_system::{Rollup, Stream};

use crate::column::{ColumnRole, RollupColumn, columns, is_nullable};
use crate::fold::from_rows;
use crate::retract::gone;
use crate::table::{key, same_row};

/// Whether what events gave to a rollup can be taken away from it again without reading others.
#[must_use]
pub fn is_subtractable(stream: &Stream, rollup: &Rollup) -> bool {
    Subtracted::of(stream, rollup).is_some()
}

/// A stored column after events went.
struct Subtracted {
    stored: Vec<RollupColumn>,
    /// The count of all events of a group.
    all: Ident,
    /// For each stored column that is a sum, the count of what it sums.
    counts: Vec<Option<Ident>>,
}

impl Subtracted {
    fn of(stream: &Stream, rollup: &Rollup) -> Option<Self> {
        let stored = columns(stream, rollup).stored;
        let count_of = |filter: &Option<String>, x: Option<&str>| {
            let counts = |column: &&RollupColumn| match &column.role {
                ColumnRole::Count(of) => of.as_deref() == x && column.filter == *filter,
                _ => false,
            };
            stored.iter().find(counts).map(|column| column.name.clone())
        };
        let all = count_of(&None, None)?;
        let mut counts = Vec::with_capacity(stored.len());
        for column in &stored {
            counts.push(match &column.role {
                ColumnRole::Count(_) => None,
                // Intervals of other units may be the same time.
                ColumnRole::Sum(x) if column.type_name != "interval" => {
                    let bare = x.strip_prefix('(').and_then(|x| x.strip_suffix(")::numeric"));
                    let mut values = [Some(x.as_str()), bare].into_iter().flatten();
                    let counted = values.find_map(|value| count_of(&column.filter, Some(value)));
                    let never_null = || parse_tree(x).is_ok_and(|x| is_never_null(stream, &x));
                    let rows = || count_of(&column.filter, None).filter(|_| never_null());
                    Some(counted.or_else(rows)?)
                }
                _ => return None,
            });
        }
        Some(Self { stored, all, counts })
    }
}

/// Whether an expression has a value for every row of the stream, as far as can be read from it.
fn is_never_null(stream: &Stream, x: &Tree) -> bool {
    match x {
        Tree::Number(_) => true,
        Tree::Column(name) => !is_nullable(stream, &Ident::new(name.as_str())),
        Tree::Cast { value, .. } => is_never_null(stream, value),
        Tree::Call { name, arguments } if name == "coalesce" => {
            arguments.iter().any(|argument| is_never_null(stream, argument))
        }
        _ => false,
    }
}

/// The CTEs up to `fresh`, the rows of a level's groups that lost events, as they are without
/// them: a group is left out when nothing is left of it. `from_stream` gives the same from the
/// events of the groups of a relation, for sums that are no number. `None`: not to be had so.
pub(crate) fn fresh(
    stream: &Stream,
    rollup: &Rollup,
    index: usize,
    from_stream: impl Fn(&str) -> String,
) -> Option<Vec<String>> {
    let Subtracted { stored, all, counts } = Subtracted::of(stream, rollup)?;
    let level = &rollup.levels[index];
    let keys = key(rollup, level);
    let lost = from_rows(stream, rollup, index, &gone(stream).to_string(), None);
    let left = stored.iter().zip(&counts).map(|(RollupColumn { name, type_name, .. }, count)| {
        let left = format!("(x.{name} - coalesce(d.{name}, 0))::{type_name}");
        match count {
            None => format!("{left} as {name}"),
            Some(count) => {
                format!("case when x.{count} > d.{count} then {left} end as {name}")
            }
        }
    });
    let subtracted = format!(
        "subtracted as materialized (select {}, {} from ({lost}) d join {} x on {} \
         where x.{all} > d.{all})",
        name::list(keys.iter().map(|key| format!("x.{key}"))),
        name::list(left),
        level.table,
        same_row("x", "d", rollup, level),
    );
    let numeric = |(column, count): &(&RollupColumn, &Option<Ident>)| {
        count.is_some() && column.type_name == "numeric"
    };
    let no_number: Vec<String> = stored
        .iter()
        .zip(&counts)
        .filter(numeric)
        .map(|(column, _)| {
            format!("coalesce({} in ('NaN', 'Infinity', '-Infinity'), false)", column.name)
        })
        .collect();
    if no_number.is_empty() {
        return Some(vec![subtracted, "fresh as (table subtracted)".to_owned()]);
    }
    let no_number = no_number.join(" or ");
    Some(vec![
        subtracted,
        format!(
            "doubtful as materialized (select {} from subtracted where {no_number})",
            name::list(&keys)
        ),
        format!(
            "fresh as materialized (select * from subtracted where not ({no_number}) \
             union all {})",
            from_stream("doubtful")
        ),
    ])
}
