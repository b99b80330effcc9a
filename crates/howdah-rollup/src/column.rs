//! The physical columns of a rollup and how each is aggregated, merged and made from finer levels.

use howdah_catalog::{Ident, RelName};
use howdah_system::{Computed, Expr, Measure, MeasureKind, Rollup, Stream};

/// A stored column of a rollup's tables, beside key and bucket.
#[derive(Debug, Clone, PartialEq)]
pub struct RollupColumn {
    /// Its name.
    pub name: Ident,
    /// Its type.
    pub type_name: String,
    /// The collation when it is not the type's default.
    pub collation: Option<RelName>,
    /// What it is filled with.
    pub role: ColumnRole,
    /// `filter (where …)`, on the stream's rows.
    pub filter: Option<String>,
}

/// What a stored column is filled with.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnRole {
    /// `count(*)`, or `count(x)`.
    Count(Option<String>),
    /// `sum(x)`.
    Sum(String),
    /// `min(x)`.
    Min(String),
    /// `max(x)`.
    Max(String),
    /// The counts of logarithmic bins of `x`: pairs of bin and count, in the order of the bins.
    Sketch(String),
    /// The smallest hashes of the values of `x`, in their order.
    Distinct(String),
    /// The value of `x` at one end of the order; the order's own columns are such values too.
    End {
        /// Which end.
        end: End,
        /// The expression.
        value: String,
        /// The measure's order columns in the rollup's table: what decides a merge.
        order: Vec<OrderColumn>,
    },
    /// One field of the position, computed apart; see `position`.
    Position,
}

/// A column of the order of events, as a rollup's table keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderColumn {
    /// Its name in the rollup's table.
    pub name: Ident,
    /// Whether the stream's column may be null; null comes after every value, as in `order by`.
    pub nullable: bool,
}

/// The first or the last event of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The smallest order.
    First,
    /// The largest order.
    Last,
}

/// A generated column: an average, or a measure computed from others.
#[derive(Debug, Clone, PartialEq)]
pub struct GeneratedColumn {
    /// Its name.
    pub name: Ident,
    /// Its type.
    pub type_name: String,
    /// The expression over the stored columns.
    pub expression: String,
    /// The columns that it names.
    pub stands_on: Vec<Ident>,
}

/// The columns of a rollup: those stored, and those generated from them.
#[derive(Debug, Clone, PartialEq)]
pub struct RollupColumns {
    /// Stored columns in their order.
    pub stored: Vec<RollupColumn>,
    /// Generated columns.
    pub generated: Vec<GeneratedColumn>,
}

/// The columns of `rollup`'s tables.
#[must_use]
pub fn columns(stream: &Stream, rollup: &Rollup) -> RollupColumns {
    let mut out = RollupColumns { stored: Vec::new(), generated: Vec::new() };
    let order = stream.total_order(&rollup.by);
    for measure in &rollup.measures {
        add_measure(&mut out, stream, measure, &order);
    }
    out.generated.extend(computed(&rollup.computed));
    out
}

/// The columns of computed measures.
pub(crate) fn computed(measures: &[Computed]) -> impl Iterator<Item = GeneratedColumn> {
    measures.iter().map(|measure| GeneratedColumn {
        name: measure.name.clone(),
        type_name: measure.expr.type_name.clone(),
        expression: measure.expr.text.clone(),
        stands_on: measure.expr.columns.clone(),
    })
}

fn add_measure(out: &mut RollupColumns, stream: &Stream, measure: &Measure, order: &[Ident]) {
    let filter = measure.filter.as_ref().map(|filter| filter.text.clone());
    let mut push = |name: Ident, type_name: &str, role: ColumnRole| {
        // Merging compares by the stored column's collation, aggregating by the expression's.
        let collation = match &measure.kind {
            MeasureKind::Min(x) | MeasureKind::Max(x) => collation_of(stream, x),
            _ => None,
        };
        out.stored.push(RollupColumn {
            name,
            type_name: type_name.to_owned(),
            collation,
            role,
            filter: filter.clone(),
        });
    };
    let name = measure.name.clone();
    match &measure.kind {
        MeasureKind::CountAll => push(name, "bigint", ColumnRole::Count(None)),
        MeasureKind::Count(x) => push(name, "bigint", ColumnRole::Count(Some(x.text.clone()))),
        MeasureKind::Sum(x) => push(name, sum_type(x), ColumnRole::Sum(summand(x))),
        MeasureKind::Min(x) => push(name, &x.type_name, ColumnRole::Min(x.text.clone())),
        MeasureKind::Max(x) => push(name, &x.type_name, ColumnRole::Max(x.text.clone())),
        MeasureKind::Avg(x) => {
            let sum = suffixed(&name, "sum");
            let count = suffixed(&name, "count");
            let cast = if is_float(x) { "::double precision" } else { "" };
            let type_name = if is_float(x) { "double precision" } else { "numeric" };
            let expression = format!("({sum} / nullif({count}, 0)::numeric){cast}");
            let stands_on = vec![sum.clone(), count.clone()];
            push(sum, "numeric", ColumnRole::Sum(format!("({})::numeric", x.text)));
            push(count, "bigint", ColumnRole::Count(Some(x.text.clone())));
            out.generated.push(GeneratedColumn {
                name,
                type_name: type_name.to_owned(),
                expression,
                stands_on,
            });
        }
        MeasureKind::Stddev(x) | MeasureKind::Variance(x) => add_moments(out, measure, x),
        MeasureKind::Quantile(fraction, x) => add_quantile(out, measure, fraction, x),
        MeasureKind::ApproxDistinct(x) => {
            let sketch = suffixed(&name, "sketch");
            push(sketch.clone(), "bigint[]", ColumnRole::Distinct(x.text.clone()));
            out.generated.push(GeneratedColumn {
                name,
                type_name: "bigint".to_owned(),
                expression: format!("howdah.distinct_count({sketch})"),
                stands_on: vec![sketch],
            });
        }
        MeasureKind::First(x) => add_end(out, stream, measure, x, End::First, order),
        MeasureKind::Last(x) => add_end(out, stream, measure, x, End::Last, order),
        MeasureKind::Position(_) => {
            for (field, type_name) in crate::position::FIELDS {
                push(Ident::new(field), type_name, ColumnRole::Position);
            }
            for column in order {
                let type_name = type_of(stream, column);
                push(
                    suffixed(&Ident::new("last"), column.as_str()),
                    &type_name,
                    ColumnRole::Position,
                );
            }
        }
    }
}

/// Count, sum and sum of squares, each exact, from which the one of a sample follows: the
/// difference is taken of whole numbers of the smallest digit, so nothing cancels.
fn add_moments(out: &mut RollupColumns, measure: &Measure, x: &Expr) {
    let [count, sum, squares] =
        ["count", "sum", "sum_sq"].map(|suffix| suffixed(&measure.name, suffix));
    let value = format!("({})::numeric", x.text);
    let stored = [
        (&count, "bigint", ColumnRole::Count(Some(x.text.clone()))),
        (&sum, "numeric", ColumnRole::Sum(value.clone())),
        (&squares, "numeric", ColumnRole::Sum(format!("{value} * {value}"))),
    ];
    out.stored.extend(stored.map(|(name, type_name, role)| RollupColumn {
        name: name.clone(),
        type_name: type_name.to_owned(),
        collation: None,
        role,
        filter: measure.filter.as_ref().map(|filter| filter.text.clone()),
    }));
    let variance = format!(
        "({count} * {squares} - {sum} * {sum}) / ({count}::numeric * ({count}::numeric - 1))"
    );
    let value = match measure.kind {
        MeasureKind::Stddev(_) => format!("sqrt({variance})"),
        _ => variance,
    };
    let (cast, type_name) =
        if is_float(x) { ("::double precision", "double precision") } else { ("", "numeric") };
    out.generated.push(GeneratedColumn {
        name: measure.name.clone(),
        type_name: type_name.to_owned(),
        expression: format!("case when {count} > 1 then ({value}){cast} end"),
        stands_on: vec![count, sum, squares],
    });
}

/// A quantile stands on the bins of its expression, which it may share with others.
fn add_quantile(out: &mut RollupColumns, measure: &Measure, fraction: &str, x: &Expr) {
    let filter = measure.filter.as_ref().map(|filter| filter.text.clone());
    let value = format!("({})::double precision", x.text);
    let shared = out
        .stored
        .iter()
        .find(|column| column.filter == filter && column.role == ColumnRole::Sketch(value.clone()));
    let sketch = shared.map_or_else(|| suffixed(&measure.name, "sketch"), |it| it.name.clone());
    if shared.is_none() {
        out.stored.push(RollupColumn {
            name: sketch.clone(),
            type_name: "bigint[]".to_owned(),
            collation: None,
            role: ColumnRole::Sketch(value),
            filter,
        });
    }
    out.generated.push(GeneratedColumn {
        name: measure.name.clone(),
        type_name: "double precision".to_owned(),
        expression: format!("howdah.sketch_quantile({fraction}, {sketch})"),
        stands_on: vec![sketch],
    });
}

fn add_end(
    out: &mut RollupColumns,
    stream: &Stream,
    measure: &Measure,
    x: &Expr,
    end: End,
    order: &[Ident],
) {
    let filter = measure.filter.as_ref().map(|filter| filter.text.clone());
    let shared = shared_order(out, end, filter.as_deref());
    let order_columns = shared.clone().unwrap_or_else(|| {
        let own = |column| OrderColumn {
            name: suffixed(&measure.name, Ident::as_str(column)),
            nullable: is_nullable(stream, column),
        };
        order.iter().map(own).collect()
    });
    let mut push = |name: Ident, type_name: String, collation, value: String| {
        out.stored.push(RollupColumn {
            name,
            type_name,
            collation,
            role: ColumnRole::End { end, value, order: order_columns.clone() },
            filter: filter.clone(),
        });
    };
    push(measure.name.clone(), x.type_name.clone(), None, x.text.clone());
    if shared.is_some() {
        return;
    }
    for (column, stored) in order.iter().zip(&order_columns) {
        let collation = stream.column(column).and_then(|column| column.collation.clone());
        push(stored.name.clone(), type_of(stream, column), collation, column.to_string());
    }
}

/// The order columns of an earlier measure that takes its value from the same event: the same end
/// of the same rows. Keeping them once saves a state of many `last` most of its width.
fn shared_order(out: &RollupColumns, of: End, filter: Option<&str>) -> Option<Vec<OrderColumn>> {
    out.stored.iter().find_map(|column| match &column.role {
        ColumnRole::End { end, order, .. } if *end == of && column.filter.as_deref() == filter => {
            Some(order.clone())
        }
        _ => None,
    })
}

/// The hidden column of a measure: `open_executed_at`, `price_sum`.
fn suffixed(measure: &Ident, suffix: &str) -> Ident {
    Ident::new(format!("{}_{suffix}", measure.as_str()))
}

fn type_of(stream: &Stream, column: &Ident) -> String {
    stream.column(column).map_or_else(|| "text".to_owned(), |column| column.type_name.clone())
}

/// The collation that an expression of text takes from its columns, when it is not the default.
fn collation_of(stream: &Stream, x: &Expr) -> Option<RelName> {
    let text = matches!(
        x.type_name.as_str(),
        "text" | "character varying" | "character" | "name" | "text[]"
    );
    let mut collations = x.columns.iter().filter_map(|name| stream.column(name)?.collation.clone());
    collations.next().filter(|_| text)
}

pub(crate) fn is_float(x: &Expr) -> bool {
    matches!(x.type_name.as_str(), "real" | "double precision")
}

/// Floats are summed as numeric: float addition depends on order, and a late event would leave
/// another last digit than a rebuild.
pub(crate) fn summand(x: &Expr) -> String {
    if is_float(x) { format!("({})::numeric", x.text) } else { x.text.clone() }
}

pub(crate) fn sum_type(x: &Expr) -> &'static str {
    match x.type_name.as_str() {
        "smallint" | "integer" => "bigint",
        "interval" => "interval",
        _ => "numeric",
    }
}

impl RollupColumn {
    /// The aggregate over the stream's rows, for a `select … group by`.
    ///
    /// `marks`: the query carries `howdah_first` and `howdah_last`, so an unfiltered end needs no
    /// sort of its own. `order` is the total order's columns.
    #[must_use]
    pub fn aggregate(&self, order: &[Ident], marks: bool) -> String {
        let filter = |condition: &str| format!(" filter (where {condition})");
        let own = self.filter.as_deref().map(&filter).unwrap_or_default();
        match &self.role {
            ColumnRole::Count(None) => format!("count(*){own}"),
            ColumnRole::Count(Some(x)) => format!("count({x}){own}"),
            ColumnRole::Sum(x) => format!("sum({x}){own}"),
            ColumnRole::Min(x) => format!("min({x}){own}"),
            ColumnRole::Max(x) => format!("max({x}){own}"),
            ColumnRole::Sketch(x) => {
                format!("howdah.sketch(array_agg(howdah.sketch_bin({x})){own})")
            }
            ColumnRole::Distinct(x) => {
                format!("howdah.distinct_of(array_agg(distinct {}){own})", hashed(x))
            }
            ColumnRole::End { end, value, .. } if marks && self.filter.is_none() => {
                let mark = match end {
                    End::First => "howdah_first",
                    End::Last => "howdah_last",
                };
                format!("(array_agg({value}){})[1]", filter(mark))
            }
            ColumnRole::End { end, value, .. } => {
                format!("(array_agg({value} order by {}){own})[1]", ordered(order, *end))
            }
            ColumnRole::Position => String::new(),
        }
    }

    /// The aggregate over rows of a finer level.
    #[must_use]
    pub fn aggregate_level(&self) -> String {
        let name = &self.name;
        match &self.role {
            ColumnRole::Count(_) | ColumnRole::Sum(_) => {
                format!("sum({name})::{}", self.type_name)
            }
            ColumnRole::Min(_) => format!("min({name})"),
            ColumnRole::Max(_) => format!("max({name})"),
            ColumnRole::Sketch(_) => format!("howdah.sketch_sum({name})"),
            ColumnRole::Distinct(_) => format!("howdah.distinct_sum({name})"),
            ColumnRole::End { end, order, .. } => format!(
                "(array_agg({name} order by {}) filter (where {} is not null))[1]",
                ordered(&names(order), *end),
                order[0].name,
            ),
            ColumnRole::Position => String::new(),
        }
    }

    /// The value after merging `more` (an alias: `excluded`) into `old` (an alias).
    #[must_use]
    pub fn merge(&self, old: &str, more: &str) -> String {
        let name = &self.name;
        match &self.role {
            ColumnRole::Count(_) => format!("{old}.{name} + {more}.{name}"),
            ColumnRole::Sum(_) => {
                format!("coalesce({old}.{name} + {more}.{name}, {old}.{name}, {more}.{name})")
            }
            ColumnRole::Min(_) => format!("least({old}.{name}, {more}.{name})"),
            ColumnRole::Max(_) => format!("greatest({old}.{name}, {more}.{name})"),
            ColumnRole::Sketch(_) => format!("howdah.sketch_merge({old}.{name}, {more}.{name})"),
            ColumnRole::Distinct(_) => {
                format!("howdah.distinct_merge({old}.{name}, {more}.{name})")
            }
            ColumnRole::End { end, order, .. } => {
                let names = names(order);
                let of = |alias: &str| -> Vec<String> {
                    names.iter().map(|column| format!("{alias}.{column}")).collect()
                };
                let nullable: Vec<bool> = order.iter().map(|column| column.nullable).collect();
                let wins = match end {
                    End::First => precedes(&of(more), &of(old), &nullable),
                    End::Last => precedes(&of(old), &of(more), &nullable),
                };
                let first = &names[0];
                format!(
                    "case when {old}.{first} is null or {wins} \
                     then {more}.{name} else {old}.{name} end"
                )
            }
            ColumnRole::Position => format!("{more}.{name}"),
        }
    }
}

/// The hash of a value, of its text: the same whatever the collation.
fn hashed(x: &str) -> String {
    format!("hashtextextended(({x})::text collate \"C\", 0)")
}

fn names(order: &[OrderColumn]) -> Vec<Ident> {
    order.iter().map(|column| column.name.clone()).collect()
}

/// Whether a column of the stream may be null.
pub(crate) fn is_nullable(stream: &Stream, column: &Ident) -> bool {
    stream.column(column).is_none_or(|column| !column.not_null)
}

/// The condition that the row of `a` comes before that of `b` in `order by`: nulls are last. A
/// plain row comparison would say null as soon as it meets one.
pub(crate) fn precedes(a: &[String], b: &[String], nullable: &[bool]) -> String {
    if !nullable.contains(&true) {
        return format!("({}) < ({})", a.join(", "), b.join(", "));
    }
    let mut out = "false".to_owned();
    for ((a, b), nullable) in a.iter().zip(b).zip(nullable).rev() {
        out = if *nullable {
            format!(
                "(coalesce({a} < {b}, {a} is not null and {b} is null) \
                 or {a} is not distinct from {b} and {out})"
            )
        } else {
            format!("({a} < {b} or {a} = {b} and {out})")
        };
    }
    out
}

fn ordered(order: &[Ident], end: End) -> String {
    let direction = match end {
        End::First => "",
        End::Last => " desc",
    };
    howdah_catalog::name::list(order.iter().map(|column| format!("{column}{direction}")))
}
