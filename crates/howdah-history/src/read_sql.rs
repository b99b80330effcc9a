//! The SQL that reads segments as events: the history view, the function of a range of times, and
//! what puts events back into their chunks.
//!
//! The arrays of a segment are taken out of their storage once, in a sub-query that `offset 0`
//! keeps together: an array that is asked for an element in a table's column would be read anew for
//! each. `array_append` gives it in the form in which any element is found at once. Columns that a
//! query does not ask for are not read at all.

use howdah_catalog::{Ident, Literal, RelName, name};
use howdah_plan::history;
use howdah_system::Stream;

use crate::code::Column;
use crate::layout::Layout;

/// A layout and its table.
#[derive(Debug, Clone, PartialEq)]
pub struct Installed {
    /// Its number.
    pub number: i32,
    /// The table.
    pub table: RelName,
    /// Its columns.
    pub layout: Layout,
    /// What became of the stream's columns since.
    pub since: Vec<Since>,
}

/// What became of a column since a layout was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Since {
    /// The column.
    pub column: String,
    /// What its value is, as SQL; `None`: what the segment has, cast to `type_name`.
    pub missing: Option<String>,
    /// Its type with modifiers.
    pub type_name: String,
}

/// The value of a column, as SQL over the row that [`unfold`] gives.
fn value(it: &Installed, column: &Column) -> String {
    let since = it.since.iter().find(|since| since.column == column.name);
    if let Some(Since { missing: Some(value), .. }) = since {
        return value.clone();
    }
    let value = kept_value(&it.layout, column);
    match since {
        Some(since) => format!("({value})::{}", since.type_name),
        None => value,
    }
}

fn kept_value(layout: &Layout, column: &Column) -> String {
    if layout.plain.iter().any(|it| it.name == column.name) {
        return format!("s.{}", column.ident());
    }
    let Some(it) = layout.coded.iter().find(|it| it.column.name == column.name) else {
        return format!("null::{}", column.type_name);
    };
    let of = |name: &Option<String>| {
        name.as_ref().map_or_else(|| "0".to_owned(), |name| format!("s.{}", Ident::new(name)))
    };
    let element = it.code.element(&format!("d.{}", Ident::new(&it.array)), "i.i");
    it.code.value(&it.column, &element, &of(&it.base), &of(&it.step), "i.i")
}

/// The rows of segments `s` (a relation of a segment table's columns), one for each event.
fn unfold(layout: &Layout, source: &str) -> String {
    let arrays = layout.coded.iter().map(|it| {
        let array = Ident::new(&it.array);
        format!("{} as {array}", it.code.taken_out(&format!("s.{array}")))
    });
    let arrays = name::list(arrays.chain(["s.howdah_rows".to_owned()]));
    format!(
        "from {source} s, lateral (select {arrays} offset 0) d, \
         lateral generate_series(1, d.howdah_rows) i(i)"
    )
}

/// The events of a segment table, as a query that gives `columns`.
pub(crate) fn events(it: &Installed, columns: &[Column], source: &str) -> String {
    let values = columns.iter().map(|column| value(it, column));
    format!("select {} {}", name::list(values), unfold(&it.layout, source))
}

/// The view over recent rows and segments.
#[must_use]
pub fn view(stream: &Stream, columns: &[Column], layouts: &[Installed]) -> String {
    let list = name::list(columns.iter().map(Column::ident));
    let recent = format!("select {list} from {}", stream.table);
    let folded = layouts.iter().map(|it| events(it, columns, &it.table.to_string()));
    let arms: Vec<String> = std::iter::once(recent).chain(folded).collect();
    format!(
        "create view {} ({list}) with (security_invoker = true) as {}",
        history::view(stream),
        arms.join(" union all ")
    )
}

/// The function of the events from a time on and before another. It is put into the query that
/// calls it, so that segments are found by their times for any expression.
#[must_use]
pub fn between(stream: &Stream, columns: &[Column], layouts: &[Installed]) -> String {
    let list = name::list(columns.iter().map(Column::ident));
    let time = columns.iter().find(|column| column.name == stream.time.as_str());
    let type_name = time.map_or("timestamptz", |column| column.type_name.as_str());
    let mut arms = vec![format!(
        "select {list} from {} where {time} >= $1 and {time} < $2",
        stream.table,
        time = stream.time
    )];
    for it in layouts {
        let (low, high) = &it.layout.times;
        let at = value(it, &it.layout.time);
        arms.push(format!(
            "{} where s.{} >= $1 and s.{} < $2 and {at} >= $1 and {at} < $2",
            events(it, columns, &it.table.to_string()),
            Ident::new(high),
            Ident::new(low)
        ));
    }
    let returns = columns.iter().map(|column| format!("{} {}", column.ident(), column.type_name));
    let body = arms.join(" union all ");
    format!(
        "create function {}({type_name}, {type_name}) returns table ({}) language sql stable \
         parallel safe as {}",
        history::between(stream),
        name::list(returns),
        Literal(&body)
    )
}

/// The statement that takes segments out of their table and puts their events back into the
/// stream. `chosen` is a condition on the segment `s`.
#[must_use]
pub fn put_back(stream: &Stream, columns: &[Column], it: &Installed, chosen: &str) -> String {
    let given: Vec<Column> = columns
        .iter()
        .filter(|column| {
            let known = stream.columns.iter().find(|it| it.name.as_str() == column.name);
            !known.is_some_and(|known| known.generated)
        })
        .cloned()
        .collect();
    format!(
        "with chosen as (select s.howdah_id from {table} s where {chosen} \
         order by s.howdah_id for update), \
         gone as (delete from {table} t using chosen c where t.howdah_id = c.howdah_id \
         returning t.*) \
         insert into {stream} ({list}) overriding system value {events}",
        table = it.table,
        stream = stream.table,
        list = name::list(given.iter().map(Column::ident)),
        events = events(it, &given, "gone"),
    )
}

/// The function that the writer calls for events before the fence: it puts those segments back that
/// may hold an event of the same key. It takes an array for each key column.
///
/// The chunks are locked first, against a fold that is about to take rows from them; each statement
/// behind that sees what was committed before the lock was had.
#[must_use]
pub fn thaw(stream: &Stream, columns: &[Column], layouts: &[Installed]) -> Option<String> {
    let keys: Vec<&Column> = stream
        .key
        .iter()
        .filter_map(|key| columns.iter().find(|column| column.name == key.as_str()))
        .collect();
    let place = keys.iter().position(|key| key.name == stream.time.as_str())?;
    let numbered: Vec<String> = (1..=keys.len()).map(|n| format!("${n}")).collect();
    let names: Vec<String> = (0..keys.len()).map(|n| format!("k{n}")).collect();
    let late = format!("unnest({}) l({})", name::list(&numbered), name::list(&names));
    let mut body = format!(
        "declare chunk text; moved bigint; total bigint := 0; begin \
         for chunk in select f.chunk from howdah.folded f where f.stream = {stream_name} \
         and exists (select from {late} where round(extract(epoch from l.k{place}::timestamptz \
         - timestamptz '2000-01-01 00:00:00+00') * 1000000) between f.from_us and f.to_us - 1) \
         order by f.chunk loop \
         execute format('lock table only %s in row exclusive mode', chunk); end loop; ",
        stream_name = Literal(&stream.table.to_string()),
    );
    for it in layouts {
        let (low, high) = &it.layout.times;
        let mut same = vec![
            format!("s.{} <= l.k{place}", Ident::new(low)),
            format!("s.{} >= l.k{place}", Ident::new(high)),
        ];
        for (n, key) in keys.iter().enumerate() {
            if it.layout.plain.iter().any(|plain| plain.name == key.name) {
                same.push(format!("{} = l.k{n}", value(it, key)));
            }
        }
        let chosen = format!("exists (select from {late} where {})", same.join(" and "));
        body.push_str(&put_back(stream, columns, it, &chosen));
        body.push_str("; get diagnostics moved = row_count; total := total + moved; ");
    }
    body.push_str("return total; end");
    let arguments = keys
        .iter()
        .map(|key| key.array_type.clone().unwrap_or_else(|| format!("{}[]", key.type_name)));
    Some(format!(
        "create function {}({}) returns bigint language plpgsql volatile as {}",
        history::thaw(stream),
        name::list(arguments),
        Literal(&body)
    ))
}

/// The function that keeps folds away for the rest of the transaction, where there was one.
#[must_use]
pub fn hold(stream: &Stream) -> String {
    let body = format!(
        "begin if exists (select from howdah.folds f where f.stream = {}) then \
         lock table {} in row exclusive mode; end if; end",
        Literal(&stream.table.to_string()),
        stream.table
    );
    format!(
        "create function {}() returns void language plpgsql volatile as {}",
        history::hold(stream),
        Literal(&body)
    )
}

/// The function that puts the events of ranges of blocks back into their chunks, as far as they are
/// in segments: it takes an array of first blocks and one of last ones. `block` is the column of
/// the block's number.
#[must_use]
pub fn thaw_blocks(
    stream: &Stream,
    columns: &[Column],
    layouts: &[Installed],
    block: &Ident,
) -> Option<String> {
    let column = columns.iter().find(|column| column.name == block.as_str())?;
    let mut body = format!(
        "declare moved bigint; total bigint := 0; begin perform {}(); ",
        history::hold(stream)
    );
    for it in layouts {
        let coded = it.layout.coded.iter().find(|coded| coded.column.name == column.name);
        let (low, high) = match coded.and_then(|coded| coded.extremes.as_ref()) {
            Some((low, high)) => (Ident::new(low), Ident::new(high)),
            None => (block.clone(), block.clone()),
        };
        let chosen = format!(
            "s.{high} >= (select min(low) from unnest($1) low) and exists (select \
             from unnest($1, $2) b(low, high) where s.{low} <= b.high and s.{high} >= b.low)"
        );
        body.push_str(&put_back(stream, columns, it, &chosen));
        body.push_str("; get diagnostics moved = row_count; total := total + moved; ");
    }
    body.push_str("return total; end");
    let array = column.array_type.clone().unwrap_or_else(|| format!("{}[]", column.type_name));
    Some(format!(
        "create function {}({array}, {array}) returns bigint language plpgsql volatile as {}",
        history::thaw_blocks(stream),
        Literal(&body)
    ))
}
