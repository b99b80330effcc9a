//! The SQL that folds the rows of a chunk into segment rows.

use howdah_catalog::{Ident, Literal, RelName, name};
use howdah_system::Stream;

use crate::code::Width;
use crate::layout::{Coded, Layout, SEGMENT_ROWS};

/// The statement that reads `rows` (a table, or a query in brackets) and gives one row a segment:
/// the values of `targets`, as SQL over the row `y`.
fn segments(stream: &Stream, layout: &Layout, rows: &str, targets: &[String]) -> String {
    let plain: Vec<String> = (0..layout.plain.len()).map(|n| format!("p{n}")).collect();
    let mut inner: Vec<String> = layout
        .plain
        .iter()
        .enumerate()
        .map(|(n, column)| format!("c.{} as p{n}", column.ident()))
        .collect();
    let time = layout.time.ident();
    inner.push(format!("c.{time} as t"));
    for (n, it) in layout.coded.iter().enumerate() {
        let value = format!("c.{}", it.column.ident());
        inner.push(format!("{} as v{n}", it.code.counted(it.column.shape, &value)));
    }
    let is_plain = |ident: &Ident| layout.plain.iter().any(|it| it.name == ident.as_str());
    let rest: Vec<&Ident> =
        stream.key.iter().filter(|it| **it != stream.time && !is_plain(it)).collect();
    let mut order = vec!["t".to_owned()];
    let mut outer_order = vec![format!("c.{time}")];
    for (n, ident) in rest.iter().enumerate() {
        inner.push(format!("c.{ident} as o{n}"));
        order.push(format!("o{n}"));
        outer_order.push(format!("c.{ident}"));
    }
    let by: Vec<String> =
        layout.plain.iter().map(|column| format!("c.{}", column.ident())).collect();
    inner.push(format!(
        "(row_number() over ({}order by {}) - 1) / {SEGMENT_ROWS} as k",
        partition(&by),
        name::list(&outer_order)
    ));
    let mut windows = vec!["row_number() over s - 1 as i".to_owned()];
    for (n, it) in layout.coded.iter().enumerate() {
        if it.code.has_base() {
            windows.push(format!("coalesce(first_value(v{n}) over s, 0) as f{n}"));
        }
        if it.code.has_step() {
            windows.push(format!(
                "coalesce(nth_value(v{n}, 2) over s - first_value(v{n}) over s, 0) as g{n}"
            ));
        }
    }
    let keys: Vec<String> = plain.iter().cloned().chain(["k".to_owned()]).collect();
    format!(
        "select {targets} from (select x.*, {windows} from (select {inner} from {rows} c) x \
         window s as ({partition}order by {order} \
         rows between unbounded preceding and unbounded following)) y group by {keys}",
        targets = name::list(targets),
        windows = name::list(windows),
        inner = name::list(inner),
        partition = partition(&keys),
        order = name::list(order),
        keys = name::list(&keys),
    )
}

fn partition(by: &[String]) -> String {
    if by.is_empty() { String::new() } else { format!("partition by {} ", name::list(by)) }
}

/// `insert into segments …`: all rows of `chunk`.
#[must_use]
pub fn insert(stream: &Stream, layout: &Layout, table: &RelName, chunk: &RelName) -> String {
    let mut columns = vec!["howdah_chunk".to_owned(), "howdah_rows".to_owned()];
    let mut targets =
        vec![format!("{}::text", Literal(&chunk.to_string())), "count(*)::integer".to_owned()];
    for (n, column) in layout.plain.iter().enumerate() {
        columns.push(column.ident().to_string());
        targets.push(format!("p{n}"));
    }
    columns.extend([&layout.times.0, &layout.times.1].map(|it| Ident::new(it).to_string()));
    targets.extend(["min(t)".to_owned(), "max(t)".to_owned()]);
    for (n, it) in layout.coded.iter().enumerate() {
        let mut put = |name: &str, sql: String| {
            columns.push(Ident::new(name).to_string());
            targets.push(sql);
        };
        put(&it.array, array(it, n));
        it.base.iter().for_each(|name| put(name, format!("min(f{n})")));
        it.step.iter().for_each(|name| put(name, format!("min(g{n})")));
        if let Some((low, high)) = &it.extremes {
            put(low, it.code.of_counted(&it.column, &format!("min(v{n})")));
            put(high, it.code.of_counted(&it.column, &format!("max(v{n})")));
        }
        it.sum.iter().for_each(|name| put(name, it.code.sum(&format!("v{n}"))));
    }
    let rows = format!("only {chunk}");
    format!(
        "insert into {table} ({}) {}",
        name::list(columns),
        segments(stream, layout, &rows, &targets)
    )
}

fn array(it: &Coded, n: usize) -> String {
    let (v, base) = (format!("v{n}"), format!("f{n}"));
    format!("array_agg({})", it.code.element(&v, &base, &format!("g{n}"), "i"))
}

/// A query that gives the arrays `a` of a layout's one column over `rows`, and the greatest
/// difference `widest` of each; for trying a code.
#[must_use]
pub fn attempt(stream: &Stream, layout: &Layout, rows: &str) -> String {
    let targets = layout.coded.iter().enumerate().flat_map(|(n, it)| {
        [format!("{} as a", array(it, n)), format!("{} as widest", widest(it, n))]
    });
    segments(stream, layout, rows, &targets.collect::<Vec<_>>())
}

/// A query that gives one row: for each coded column of a layout the greatest difference in `rows`.
/// It fails where a value is not as its code says.
#[must_use]
pub fn widths(stream: &Stream, layout: &Layout, rows: &str) -> String {
    let count = layout.coded.len();
    let targets: Vec<String> =
        (0..count).map(|n| format!("{} as w{n}", widest(&layout.coded[n], n))).collect();
    let greatest = (0..count).map(|n| format!("coalesce(max(w{n}), 0)::int8"));
    format!("select {} from ({}) q", name::list(greatest), segments(stream, layout, rows, &targets))
}

fn widest(it: &Coded, n: usize) -> String {
    if !it.code.has_base() {
        return "0::int8".to_owned();
    }
    let wide = it.code.with_width(Width::Int8);
    let (v, f, g) = (format!("v{n}"), format!("f{n}"), format!("g{n}"));
    format!("max(abs({}))", wide.element(&v, &f, &g, "i"))
}
