//! The table of a rollup of spans: its shape, what a batch adds to it, its rebuild, its proof.

use howdah_catalog::{Ident, Literal, name};
use howdah_system::{Level, SpanAt, SpanRollup, Stream, System};

use super::{SIGN, pairs, rows};
use crate::column::{ColumnRole, RollupColumn, columns};
use crate::retract::joined;
use crate::table::{BUCKET, Shape, TableColumn, key, same_row, table_columns};
use crate::{horizon, recompute};

/// The shape of a level's table.
#[must_use]
pub fn shape(rollup: &SpanRollup, level: usize) -> Shape {
    let (of, level) = (&rollup.rollup, &rollup.rollup.levels[level]);
    let stored = columns(&rollup.rows, of).stored;
    let summed = |name: &Ident| {
        stored.iter().any(|it| it.name == *name && matches!(it.role, ColumnRole::Sum(_)))
    };
    let keys = key(of, level);
    let mut out: Vec<TableColumn> = Vec::new();
    let mut columns = table_columns(&rollup.rows, of, level).into_iter().peekable();
    while let Some(column) = columns.next_if(|column| keys.contains(&column.name)) {
        out.push(column);
    }
    let zero = |name: Ident, type_name: &str| TableColumn {
        name,
        type_name: type_name.to_owned(),
        definition: format!("{type_name} not null default '0'"),
    };
    out.push(zero(Ident::new(SpanRollup::ROWS), "bigint"));
    out.extend(columns.map(|column| {
        if summed(&column.name) { zero(column.name, &column.type_name) } else { column }
    }));
    Shape {
        table: level.table.clone(),
        key: keys,
        columns: out,
        whole_key: of.by.iter().all(|key| key.not_null),
        fillfactor: if level.bucket.is_some() { 80 } else { 50 },
    }
}

/// What spans give to a stored column, those of sign -1 taken away.
fn signed(column: &RollupColumn) -> String {
    let own = column.filter.as_deref();
    let filter = |more: Option<String>| {
        let all: Vec<String> = own.map(|own| format!("({own})")).into_iter().chain(more).collect();
        if all.is_empty() {
            String::new()
        } else {
            format!(" filter (where {})", all.join(" and "))
        }
    };
    let type_name = &column.type_name;
    match &column.role {
        ColumnRole::Count(None) => {
            format!("coalesce(sum({SIGN}){}, 0)::bigint", filter(None))
        }
        ColumnRole::Count(Some(x)) => {
            let there = filter(Some(format!("({x}) is not null")));
            format!("coalesce(sum({SIGN}){there}, 0)::bigint")
        }
        ColumnRole::Sum(x) => {
            let value = finite(x, type_name);
            format!("coalesce(sum({SIGN} * {value}){}, '0')::{type_name}", filter(None))
        }
        ColumnRole::Sketch(x) => {
            let side = |sign: i32| {
                let those = filter(Some(format!("{SIGN} = {sign}")));
                format!("howdah.sketch(array_agg(howdah.sketch_bin({x})){those})")
            };
            format!("howdah.sketch_minus({}, {})", side(1), side(-1))
        }
        // Refused by the check of the file: they cannot be taken away.
        _ => "null".to_owned(),
    }
}

/// A value that can be taken away again: what is no number or infinite counts as null.
fn finite(x: &str, type_name: &str) -> String {
    match type_name {
        "bigint" => format!("({x})::bigint"),
        "interval" => format!("({x})"),
        _ => ["NaN", "Infinity", "-Infinity"]
            .iter()
            .fold(format!("({x})::numeric"), |value, no| format!("nullif({value}, '{no}')")),
    }
}

/// What spans (`source`: a relation like the table of pairs) give to a level: its key, the number
/// of spans, the stored columns.
fn given(system: &System, rollup: &SpanRollup, index: usize, source: &str) -> String {
    let of = &rollup.rollup;
    let level = &of.levels[index];
    let rows = rows::rows(system, rollup, index, source);
    let bucket = level.bucket.map(|bucket| {
        crate::bucket::bucket_sql(
            bucket,
            &rollup.rows.time.to_string(),
            rollup.rows.time_type,
            &of.timezone,
        )
    });
    let bucket = bucket.map(|bucket| format!(", {bucket} as howdah_bucket")).unwrap_or_default();
    let filter = of.filter.as_ref().map(|it| format!(" where ({})", it.text)).unwrap_or_default();
    let by: Vec<String> = of.by.iter().map(|key| key.name.to_string()).collect();
    let group: Vec<String> =
        by.iter().cloned().chain(level.bucket.map(|_| "howdah_bucket".to_owned())).collect();
    let stored = columns(&rollup.rows, of).stored;
    let selected = by
        .into_iter()
        .chain(level.bucket.map(|_| format!("howdah_bucket as {BUCKET}")))
        .chain([format!("coalesce(sum({SIGN}), 0)::bigint as {}", Ident::new(SpanRollup::ROWS))])
        .chain(stored.iter().map(|column| format!("{} as {}", signed(column), column.name)));
    // Without a key there is one group, and no row where there is no span.
    let group = if group.is_empty() {
        " having count(*) > 0".to_owned()
    } else {
        format!(" group by {}", group.join(", "))
    };
    format!(
        "select {} from (select r.*{bucket} from ({rows}) r{filter}) r{group}",
        name::list(selected)
    )
}

/// The names of the columns that howdah keeps beside the key.
fn names(rollup: &SpanRollup) -> Vec<Ident> {
    let stored = columns(&rollup.rows, &rollup.rollup).stored;
    let stored = stored.into_iter().map(|column| column.name);
    std::iter::once(Ident::new(SpanRollup::ROWS)).chain(stored).collect()
}

/// The statement that adds to all levels what the spans in the table of pairs give.
pub(super) fn apply(system: &System, rollup: &SpanRollup) -> String {
    let source = pairs::table(&system.spans[rollup.spans]).to_string();
    let levels = 0..rollup.rollup.levels.len();
    let ctes = levels.flat_map(|index| apply_level(system, rollup, index, &source));
    format!("with {}\nselect", ctes.collect::<Vec<_>>().join(",\n"))
}

fn apply_level(system: &System, rollup: &SpanRollup, index: usize, source: &str) -> Vec<String> {
    let level = &rollup.rollup.levels[index];
    let table = &level.table;
    let rows = Ident::new(SpanRollup::ROWS);
    let stored = columns(&rollup.rows, &rollup.rollup).stored;
    let keys = key(&rollup.rollup, level);
    let names = names(rollup);
    let delta = format!("d{index}");
    let of_delta = |columns: &[Ident]| name::list(columns.iter().map(|it| format!("d.{it}")));
    let nothing = stored.iter().map(|column| match column.role {
        ColumnRole::Sketch(_) => format!("{} is null", column.name),
        _ => format!("{} = '0'", column.name),
    });
    let nothing = joined(std::iter::once(format!("{rows} = 0")).chain(nothing), " and ");
    let (key_list, name_list) = (name::list(&keys), name::list(&names));
    let same = |a: &str, b: &str| same_row(a, b, &rollup.rollup, level);
    let merged = |column: &RollupColumn| format!("{} = {}", column.name, column.merge("t", "d"));
    let sets = std::iter::once(format!("{rows} = t.{rows} + d.{rows}"));
    let sets = sets.chain(stored.iter().map(merged));
    // Nobody else writes the table, so no upsert is needed. It would compute what is generated of
    // the difference too: a deviation of negative counts, a mean of none.
    vec![
        format!(
            "{delta} as materialized (select * from ({}) d where not ({nothing}))",
            given(system, rollup, index, source)
        ),
        // Only where spans went can the last have gone.
        format!(
            "{delta}_gone as (delete from {table} t using {delta} d \
             where d.{rows} < 0 and {} and t.{rows} + d.{rows} = 0)",
            same("t", "d"),
        ),
        format!(
            "{delta}_changed as (update {table} t set {} from {delta} d \
             where {} and t.{rows} + d.{rows} <> 0)",
            name::list(sets),
            same("t", "d"),
        ),
        format!(
            "{delta}_new as (insert into {table} ({key_list}, {name_list}) \
             select {}, {} from {delta} d where not exists (select from {table} t where {}))",
            of_delta(&keys),
            of_delta(&names),
            same("t", "d"),
        ),
    ]
}

/// What the table of a level should hold, from the events of `read` (the stream, perhaps with its
/// history as its table); columns: key, number of spans, stored.
fn recomputed(system: &System, rollup: &SpanRollup, index: usize, read: &Stream) -> String {
    let all = pairs::all(system, rollup.spans, &read.table);
    let fresh = given(system, rollup, index, &format!("({all})"));
    match is_whole(system, rollup, index, read, "f") {
        Some(condition) => format!("select * from ({fresh}) f where {condition}"),
        None => fresh,
    }
}

/// The condition that all spans behind the row `row` can be told from the events of `read`; `None`:
/// nothing can be gone.
fn is_whole(
    system: &System,
    rollup: &SpanRollup,
    index: usize,
    read: &Stream,
    row: &str,
) -> Option<String> {
    let spans = &system.spans[rollup.spans];
    let bucketed = rollup.calendar.is_some() || rollup.rollup.levels[index].bucket.is_some();
    let reach = match (spans.alone, rollup.at) {
        (true, _) | (_, SpanAt::Begin) => Some(0),
        (_, SpanAt::Split | SpanAt::End) => spans.longest,
    };
    horizon::is_whole_of_spans(read, row, reach.filter(|_| bucketed))
}

/// Key, number of spans, stored columns.
fn kept_columns(rollup: &SpanRollup, level: &Level) -> String {
    name::list(key(&rollup.rollup, level).into_iter().chain(names(rollup)))
}

/// The statements that compute a level anew from the events of `read`; to be run in one transaction
/// that holds the stream's lock exclusively. Rows of which events are gone stay as they are.
#[must_use]
pub fn rebuild(system: &System, rollup: &SpanRollup, index: usize, read: &Stream) -> Vec<String> {
    let level = &rollup.rollup.levels[index];
    let whole = is_whole(system, rollup, index, read, "x");
    let whole = whole.map(|whole| format!(" where {whole}")).unwrap_or_default();
    let (table, columns) = (&level.table, kept_columns(rollup, level));
    let keys = name::list(key(&rollup.rollup, level));
    let mut out = vec![
        format!("delete from {table} x{whole}"),
        format!(
            "insert into {table} ({columns}) {} order by {keys}",
            recomputed(system, rollup, index, read)
        ),
    ];
    if read.horizon.is_some() {
        // What is new counts what there is.
        let everything = Stream { horizon: None, ..read.clone() };
        out.push(format!(
            "insert into {table} ({columns}) {} order by {keys} on conflict ({keys}) do nothing",
            recomputed(system, rollup, index, &everything)
        ));
    }
    out
}

/// The proof: as [`recompute::proof`].
#[must_use]
pub fn proof(system: &System, rollup: &SpanRollup, index: usize, read: &Stream) -> String {
    let fresh = recomputed(system, rollup, index, read);
    recompute::difference(&fresh, &kept(system, rollup, index, read))
}

/// A query for the keys of up to `limit` rows that differ, as JSON text; for people.
#[must_use]
pub fn differing_keys(
    system: &System,
    rollup: &SpanRollup,
    index: usize,
    read: &Stream,
    limit: u32,
) -> String {
    let keys = name::list(key(&rollup.rollup, &rollup.rollup.levels[index]));
    let fresh = recomputed(system, rollup, index, read);
    recompute::differing(&fresh, &kept(system, rollup, index, read), &keys, limit)
}

fn kept(system: &System, rollup: &SpanRollup, index: usize, read: &Stream) -> String {
    let level = &rollup.rollup.levels[index];
    let whole = is_whole(system, rollup, index, read, "x");
    let whole = whole.map(|whole| format!(" where {whole}")).unwrap_or_default();
    format!("select {} from {} x{whole}", kept_columns(rollup, level), level.table)
}

/// What the table is made from, as text: a change of it means a rebuild.
#[must_use]
pub fn definition(system: &System, rollup: &SpanRollup, index: usize) -> String {
    let spans = &system.spans[rollup.spans];
    let stream = &system.streams[spans.stream];
    let level = &rollup.rollup.levels[index];
    let order = name::list(spans.order(stream));
    let mut out = format!("spans of {} by {}", stream.table, name::list(&spans.by));
    if spans.alone {
        out = format!("events of {}", stream.table);
    } else {
        out.push_str(&format!(" order {order} within ({})", name::list(&spans.within)));
        out.push_str(&format!(" longest {:?} at {:?}", spans.longest, rollup.at));
    }
    if let Some(filter) = &spans.filter {
        out.push_str(&format!(" of those where {}", filter.text));
    }
    if let Some(calendar) = &rollup.calendar {
        let keys = name::list(calendar.key.iter().map(|key| &key.name));
        out.push_str(&format!(
            " in {} of {} ({}) ({keys})",
            Literal(calendar.period.as_str()),
            calendar.table,
            name::list(&calendar.by)
        ));
    }
    if let Some(bucket) = level.bucket {
        out.push_str(&format!(" every {bucket} {}", rollup.rollup.timezone));
    }
    out.push_str(&format!(" by {}", name::list(rollup.rollup.by.iter().map(|key| &key.name))));
    if let Some(filter) = &rollup.rollup.filter {
        out.push_str(&format!(" where {}", filter.text));
    }
    out.push_str(&format!("; {} = count(*)", Ident::new(SpanRollup::ROWS)));
    for column in columns(&rollup.rows, &rollup.rollup).stored {
        out.push_str(&format!("; {} = {}", column.name, column.aggregate(&[], false)));
    }
    for computed in &rollup.rollup.computed {
        out.push_str(&format!("; {} = {}", computed.name, computed.expr.text));
    }
    out
}
