//! A layout: the columns of a segment table and how each is read. Chunks with like data share one.

use std::collections::HashSet;

use howdah_catalog::{Ident, Literal, name};
use serde::{Deserialize, Serialize};

use crate::code::{Code, Column, Shape};

/// Rows of a full segment.
pub const SEGMENT_ROWS: u32 = 2_000;

/// A column that is kept as an array.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coded {
    /// The column.
    pub column: Column,
    /// How its values are kept.
    pub code: Code,
    /// The segment table's column of what holds its values; it bears the name of the stream's
    /// column.
    pub array: String,
    /// Of the base.
    pub base: Option<String>,
    /// Of the step.
    pub step: Option<String>,
    /// Of the least and the greatest value.
    pub extremes: Option<(String, String)>,
    /// Of the sum.
    pub sum: Option<String>,
    /// Whether the server compresses the arrays by lz4 instead of pglz: what a sample was smaller
    /// by.
    #[serde(default)]
    pub lz4: bool,
}

/// A column that came after a layout was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Later {
    /// Its name.
    pub column: String,
    /// Its type then.
    pub type_name: String,
    /// What older events have in it, as text; none: null.
    pub value: Option<String>,
}

impl Later {
    /// That value as the column is now.
    pub(crate) fn value_as(&self, now: &Column) -> String {
        match &self.value {
            None => format!("null::{}", now.type_name),
            Some(value) => {
                format!("{}::{}::{}", Literal(value), self.type_name, now.modified)
            }
        }
    }
}

/// The columns of a segment table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// The columns that stay plain: one value a segment. The tenant first, where there is one.
    pub plain: Vec<Column>,
    /// The others.
    pub coded: Vec<Coded>,
    /// The stream's time column.
    pub time: Column,
    /// The segment table's columns of its first and its last time.
    pub times: (String, String),
    /// The stream's columns that came later.
    #[serde(default)]
    pub later: Vec<Later>,
}

impl Layout {
    /// The layout of a stream's columns, each with its code; `plain` stay plain. Values that cannot
    /// be added up (numerics near the end of what there is) have no `sums`.
    #[must_use]
    pub fn new(
        plain: Vec<Column>,
        columns: Vec<(Column, Code)>,
        time: &Column,
        sums: bool,
    ) -> Self {
        let mut taken: HashSet<String> = plain.iter().map(|column| column.name.clone()).collect();
        taken.extend(columns.iter().map(|(column, _)| column.name.clone()));
        let mut name = |prefix: &str, column: &Column| {
            let mut out = name::fitting(prefix, &column.name).as_str().to_owned();
            while !taken.insert(out.clone()) {
                name::fitting(&out, "x").as_str().clone_into(&mut out);
            }
            out
        };
        let times = (name("min", time), name("max", time));
        let mut coded = Vec::with_capacity(columns.len());
        for (column, code) in columns {
            let base = code.has_base().then(|| name("base", &column));
            let step = code.has_step().then(|| name("step", &column));
            let is_time = column.name == time.name;
            let ordered = !is_time && has_extremes(column.shape);
            let extremes = ordered.then(|| (name("min", &column), name("max", &column)));
            let sum = (sums && has_sum(column.shape)).then(|| name("sum", &column));
            let array = column.name.clone();
            coded.push(Coded { column, code, array, base, step, extremes, sum, lz4: false });
        }
        Self { plain, coded, time: time.clone(), times, later: Vec::new() }
    }

    /// The same, with the arrays of these columns compressed by lz4.
    #[must_use]
    pub fn with_lz4(mut self, columns: &[String]) -> Self {
        for it in &mut self.coded {
            it.lz4 = columns.contains(&it.column.name);
        }
        self
    }

    /// Whether two layouts are the same but for what compresses their arrays.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        let bare = |layout: &Self| Self { later: Vec::new(), ..layout.clone().with_lz4(&[]) };
        bare(self) == bare(other)
    }

    /// The columns of the segment table, as `create table` takes them.
    #[must_use]
    pub fn definitions(&self) -> Vec<String> {
        let mut out = vec![
            "howdah_id bigint generated always as identity primary key".to_owned(),
            "howdah_chunk text not null".to_owned(),
            "howdah_rows integer not null".to_owned(),
        ];
        out.extend(self.plain.iter().map(|it| format!("{} {}", it.ident(), it.type_name)));
        for name in [&self.times.0, &self.times.1] {
            out.push(format!("{} {} not null", Ident::new(name), self.time.type_name));
        }
        // Fixed widths first: no padding between them.
        for it in &self.coded {
            for name in it.base.iter().chain(&it.step) {
                out.push(format!("{} bigint", Ident::new(name)));
            }
        }
        for it in &self.coded {
            if let Some((low, high)) = &it.extremes {
                out.push(format!("{} {}", Ident::new(low), it.column.type_name));
                out.push(format!("{} {}", Ident::new(high), it.column.type_name));
            }
            out.extend(it.sum.iter().map(|sum| format!("{} numeric", Ident::new(sum))));
        }
        out.extend(self.coded.iter().map(|it| {
            let array = it.code.array_type(&it.column);
            let method = if it.lz4 { "lz4" } else { "pglz" };
            format!("{} {array} compression {method}", Ident::new(&it.array))
        }));
        out
    }

    /// Takes out the columns that are `gone`; gives the columns of the segment table that stood for
    /// them.
    pub(crate) fn without(&mut self, gone: impl Fn(&str) -> bool) -> Vec<String> {
        let mut out = Vec::new();
        self.later.retain(|later| !gone(&later.column));
        self.plain.retain(|column| {
            let stays = !gone(&column.name);
            out.extend((!stays).then(|| column.name.clone()));
            stays
        });
        self.coded.retain(|it| {
            let stays = !gone(&it.column.name);
            if !stays {
                out.push(it.array.clone());
                out.extend(it.base.iter().chain(&it.step).chain(&it.sum).cloned());
                out.extend(it.extremes.iter().flat_map(|(low, high)| [low, high]).cloned());
            }
            stays
        });
        out
    }

    /// Every column of the stream that the segments hold.
    pub fn columns(&self) -> impl Iterator<Item = &Column> {
        self.plain.iter().chain(self.coded.iter().map(|it| &it.column))
    }
}

fn has_extremes(shape: Shape) -> bool {
    !matches!(shape, Shape::Nested | Shape::Bytes | Shape::Other)
}

fn has_sum(shape: Shape) -> bool {
    matches!(
        shape,
        Shape::Int2 | Shape::Int4 | Shape::Int8 | Shape::Float4 | Shape::Float8 | Shape::Numeric
    )
}
