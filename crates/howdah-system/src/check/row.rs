//! The rows that expressions are asked over: columns whose types are known, or asked as well.

use howdah_catalog::{Ident, name};

use super::measure::POSITION_COLUMNS;
use super::types::Types;
use crate::model::{MeasureKind, Rollup, Stream};

/// A column of a row of nulls.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    pub(super) name: Ident,
    /// Its type; `None`: only the server knows.
    pub(super) type_name: Option<String>,
    /// A value of its type, in SQL.
    value: String,
}

impl Cell {
    pub(super) fn typed(name: Ident, type_name: impl Into<String>) -> Self {
        let type_name = type_name.into();
        Self { name, value: format!("null::{type_name}"), type_name: Some(type_name) }
    }

    /// A column of the type that `value` has, which the server finds out.
    fn asked(name: Ident, value: String) -> Self {
        Self { name, type_name: None, value }
    }
}

/// An item of a `from` clause: one row of nulls.
pub(super) fn row(alias: &Ident, cells: &[Cell]) -> String {
    if cells.is_empty() {
        return format!("(select) {alias}");
    }
    let columns = cells.iter().map(|cell| format!("{} as {}", cell.value, cell.name));
    format!("(select {}) {alias}", name::list(columns))
}

/// The row that a stream's expressions speak of.
pub(super) fn stream_cells(stream: &Stream) -> Vec<Cell> {
    let columns = stream.columns.iter();
    columns.map(|column| Cell::typed(column.name.clone(), column.type_name.clone())).collect()
}

/// The stored columns that readers of a rollup's tables know: the key and the measures.
pub(super) fn stored_cells(types: &Types, stream: &Stream, rollup: &Rollup) -> Vec<Cell> {
    let mut cells: Vec<Cell> =
        rollup.by.iter().map(|key| Cell::typed(key.name.clone(), key.type_name.clone())).collect();
    let over = row(&Ident::new("r"), &stream_cells(stream));
    for measure in &rollup.measures {
        match &measure.kind {
            MeasureKind::Position(_) => {
                let columns = POSITION_COLUMNS.iter();
                cells.extend(columns.map(|(name, kind)| Cell::typed(Ident::new(*name), *kind)));
            }
            kind if is_generated(kind) => {}
            kind => cells.push(measure_cell(types, measure.name.clone(), kind, &over)),
        }
    }
    cells
}

/// The columns computed from them: averages and computed measures.
pub(super) fn generated_cells(types: &Types, stream: &Stream, rollup: &Rollup) -> Vec<Cell> {
    let over = row(&Ident::new("r"), &stream_cells(stream));
    let averages = rollup
        .measures
        .iter()
        .filter(|measure| is_generated(&measure.kind))
        .map(|measure| measure_cell(types, measure.name.clone(), &measure.kind, &over));
    let stored = row(&Ident::new("r"), &stored_cells(types, stream, rollup));
    let computed = rollup.computed.iter().map(|computed| {
        let value = format!("(select ({}) from {stored})", computed.expr.text);
        Cell::asked(computed.name.clone(), value)
    });
    averages.chain(computed).collect()
}

/// Whether the column of a measure is computed from others that are kept.
fn is_generated(kind: &MeasureKind) -> bool {
    matches!(
        kind,
        MeasureKind::Avg(_)
            | MeasureKind::Stddev(_)
            | MeasureKind::Variance(_)
            | MeasureKind::Quantile(..)
            | MeasureKind::ApproxDistinct(_)
    )
}

/// The column of a measure over the rows `over`.
fn measure_cell(types: &Types, name: Ident, kind: &MeasureKind, over: &str) -> Cell {
    let of = |type_name: &str| types.plain(type_name);
    match kind {
        MeasureKind::CountAll | MeasureKind::Count(_) | MeasureKind::ApproxDistinct(_) => {
            Cell::typed(name, "bigint")
        }
        MeasureKind::Quantile(..) => Cell::typed(name, "double precision"),
        MeasureKind::Sum(x) if x.type_name.is_empty() => {
            Cell::asked(name, format!("(select sum({}) from {over})", x.text))
        }
        MeasureKind::Sum(x) => match of(&x.type_name).as_str() {
            "smallint" | "integer" => Cell::typed(name, "bigint"),
            "interval" => Cell::typed(name, "interval"),
            _ => Cell::typed(name, "numeric"),
        },
        MeasureKind::Avg(x) | MeasureKind::Stddev(x) | MeasureKind::Variance(x) => {
            match of(&x.type_name).as_str() {
                "real" | "double precision" => Cell::typed(name, "double precision"),
                _ => Cell::typed(name, "numeric"),
            }
        }
        MeasureKind::Min(x)
        | MeasureKind::Max(x)
        | MeasureKind::First(x)
        | MeasureKind::Last(x) => {
            if x.type_name.is_empty() {
                Cell::asked(name, format!("(select ({}) from {over})", x.text))
            } else {
                Cell::typed(name, x.type_name.clone())
            }
        }
        // Its columns are told apart by their names.
        MeasureKind::Position(_) => Cell::typed(name, "numeric"),
    }
}
