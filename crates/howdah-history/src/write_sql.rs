//! The SQL that reads the rows of a chunk in the order of segments, and that writes one segment.

use howdah_catalog::{Ident, Literal, RelName, name};
use howdah_system::Stream;

use crate::code::{Code, Column, Shape};
use crate::gather::Order;
use crate::layout::{Coded, Layout};

/// The columns of a layout of `rows` (a table): those that stay plain, then the coded ones; in the
/// order of time and key, behind the plain columns where these come first. Types without a binary
/// form come as their texts.
///
/// What is sorted by key has the columns to sort by in front: the server finds them there at once;
/// behind others of any length it would walk through those for each comparison.
pub(crate) fn select(stream: &Stream, layout: &Layout, rows: &str, order: Order) -> String {
    let plain = layout.plain.iter().map(|column| {
        let text = if column.shape == Shape::Nested { "::pg_catalog.text" } else { "" };
        format!("c.{}{text}", column.ident())
    });
    let coded = layout.coded.iter().map(|it| {
        let text = if it.code == Code::Text { "::pg_catalog.text" } else { "" };
        format!("c.{}{text}", it.column.ident())
    });
    let is_plain = |ident: &Ident| layout.plain.iter().any(|it| it.name == ident.as_str());
    let rest = stream.key.iter().filter(|it| **it != stream.time && !is_plain(it)).cloned();
    let rest: Vec<Ident> = [layout.time.ident()].into_iter().chain(rest).collect();
    let of_rows = |ident: &Ident| format!("c.{ident}");
    let targets = name::list(plain.chain(coded));
    if order == Order::Time {
        let by = name::list(rest.iter().map(of_rows));
        return format!("select {targets} from {rows} c order by {by}");
    }
    let by = name::list(layout.plain.iter().flat_map(order_of).chain(rest.iter().map(of_rows)));
    let others = layout.coded.iter().map(|it| it.column.ident()).filter(|it| !rest.contains(it));
    let columns: Vec<Ident> =
        rest.iter().cloned().chain(layout.plain.iter().map(Column::ident)).chain(others).collect();
    let columns = name::list(columns.iter().map(of_rows));
    format!("select {targets} from (select {columns} from {rows} c order by {by}) c")
}

/// The order of a plain column: values that are equal and printed differently (`1.0` and `1.00`)
/// are in segments of their own, so they are kept apart.
fn order_of(column: &Column) -> Vec<String> {
    let value = format!("c.{}", column.ident());
    match column.shape {
        Shape::Numeric | Shape::Float4 | Shape::Float8 => {
            let text = format!("{value}::pg_catalog.text");
            vec![value, text]
        }
        _ => vec![value],
    }
}

/// `insert into segments …`: one segment of `chunk`. Its parameters are the number of rows, the
/// plain values, first and last time, and for each coded column the array, base and step, and where
/// these are counted least, greatest and sum.
#[must_use]
pub fn insert(layout: &Layout, table: &RelName, chunk: &RelName) -> String {
    let mut out = Insert { next: 0, columns: Vec::new(), values: Vec::new(), of: Vec::new() };
    out.put("howdah_chunk", format!("{}::text", Literal(&chunk.to_string())));
    let rows = out.parameter("pg_catalog.int4");
    out.put("howdah_rows", rows);
    for column in &layout.plain {
        let value = if column.shape == Shape::Nested {
            format!("{}::{}", out.parameter("pg_catalog.text"), column.type_name)
        } else {
            out.parameter(&column.type_name)
        };
        out.put(&column.name, value);
    }
    for name in [&layout.times.0, &layout.times.1] {
        let value = out.parameter(&layout.time.type_name);
        out.put(name, value);
    }
    for it in &layout.coded {
        out.coded(it);
    }
    let from =
        if out.of.is_empty() { String::new() } else { format!(" from {}", out.of.join(", ")) };
    format!(
        "insert into {table} ({}) select {}{from}",
        name::list(&out.columns),
        name::list(&out.values)
    )
}

struct Insert {
    next: usize,
    columns: Vec<String>,
    values: Vec<String>,
    /// Sub-queries of one row.
    of: Vec<String>,
}

impl Insert {
    fn parameter(&mut self, type_name: &str) -> String {
        self.next += 1;
        format!("${}::{type_name}", self.next)
    }

    fn put(&mut self, column: &str, value: String) {
        self.columns.push(Ident::new(column).to_string());
        self.values.push(value);
    }

    fn coded(&mut self, it: &Coded) {
        let array = self.parameter(&it.code.array_type(&it.column));
        self.put(&it.array, array.clone());
        for name in it.base.iter().chain(&it.step) {
            let value = self.parameter("pg_catalog.int8");
            self.put(name, value);
        }
        if !it.code.has_base() {
            return self.of_array(it, &array);
        }
        if let Some((low, high)) = &it.extremes {
            for name in [low, high] {
                let value = self.parameter("pg_catalog.int8");
                self.put(name, it.code.of_counted(&it.column, &value));
            }
        }
        if let Some(name) = &it.sum {
            let value = self.parameter("pg_catalog.text");
            self.put(name, it.code.sum(&format!("{value}::numeric")));
        }
    }

    /// Least, greatest and sum of what an array holds.
    fn of_array(&mut self, it: &Coded, array: &str) {
        let query = format!("m{}", self.of.len());
        let mut targets = Vec::new();
        if let Some((low, high)) = &it.extremes {
            targets.extend(["min(e) as low", "max(e) as high"]);
            self.put(low, format!("{query}.low"));
            self.put(high, format!("{query}.high"));
        }
        if let Some(sum) = &it.sum {
            targets.push("sum(e::numeric) as total");
            self.put(sum, format!("{query}.total"));
        }
        if !targets.is_empty() {
            let targets = name::list(targets);
            self.of.push(format!("(select {targets} from unnest({array}) e) {query}"));
        }
    }
}
