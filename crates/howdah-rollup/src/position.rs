//! The ordered fold of fills into a position: average entry price and realised profit.
//!
//! The rule is the one of one-way accounting: a fill in the direction of the position averages the
//! entry price, one against it realises `(price - entry) * closed * sign`, one that goes through
//! zero closes all and opens the rest at its own price. The step itself is the SQL function
//! `howdah.position_step`, so fold, rebuild and proof share it.
//!
//! The fold is not commutative. New fills that come after all known ones continue from the stored
//! state; a key that gets an earlier fill is folded anew from the stream, in the same statement.
//! A fill without side, quantity or price counts for nothing.

use howdah_catalog::{Ident, RelName, name};
use howdah_system::{MeasureKind, PositionFold, Rollup, Stream};

use crate::column::{RollupColumn, is_nullable, precedes};
use crate::derive::{self, Captured};
use crate::fold::Stored;
use crate::history;
use crate::table::same_key;

/// The stored columns of a position, beside its key and the order of its last fill.
pub const FIELDS: [(&str, &str); 5] = [
    ("quantity", "numeric"),
    ("entry_price", "numeric"),
    ("realised", "numeric"),
    ("fees", "numeric"),
    ("fills", "bigint"),
];

/// The position of a rollup, if it has one.
pub(crate) fn position_of(rollup: &Rollup) -> Option<&PositionFold> {
    rollup.measures.iter().find_map(|measure| match &measure.kind {
        MeasureKind::Position(fold) => Some(&**fold),
        _ => None,
    })
}

pub(crate) fn definition(fold: &PositionFold) -> String {
    format!("position({})", inputs(fold))
}

/// The fold's inputs as SQL: signed quantity, price, fee.
fn inputs(fold: &PositionFold) -> String {
    let fee = fold.fee.as_ref().map_or("0", |fee| fee.text.as_str());
    format!(
        "(case ({})::text when 'buy' then 1 when 'sell' then -1 end) * ({})::numeric, \
         ({})::numeric, ({fee})::numeric",
        fold.side.text, fold.quantity.text, fold.price.text
    )
}

/// The names of the columns of the order of the last fill.
fn last(order: &[Ident]) -> Vec<Ident> {
    order.iter().map(|column| Ident::new(format!("last_{}", column.as_str()))).collect()
}

/// `select` of the whole position of each key from `source`, which holds all its events.
pub(crate) fn recompute(
    stream: &Stream,
    rollup: &Rollup,
    fold: &PositionFold,
    source: &str,
) -> String {
    let order = stream.total_order(&rollup.by);
    let keys = name::list(rollup.by.iter().map(|key| &key.name));
    format!(
        "select {keys}, {}, {} from (\
         select {keys}, howdah.position(null, howdah_signed, howdah_price, howdah_fee \
         order by {}) as howdah_position, {} from {} group by {keys}) p",
        name::list(FIELDS.iter().map(|(field, _)| format!("(howdah_position).{field}"))),
        name::list(last(&order)),
        name::list(&order),
        last_of(&order),
        fills(source, rollup, fold),
    )
}

/// The rows of `source` (with the stream's columns) that count, with the fold's inputs beside them,
/// as an item of a `from` list with a `where`.
fn fills(source: &str, rollup: &Rollup, fold: &PositionFold) -> String {
    let filter = rollup.filter.as_ref().map(|f| format!("({}) and ", f.text)).unwrap_or_default();
    format!(
        "{source}, lateral (values ({})) i (howdah_signed, howdah_price, howdah_fee) \
         where {filter}howdah_signed is not null and howdah_price is not null",
        inputs(fold)
    )
}

/// `(array_agg(o order by … desc))[1] as last_o`, for each column of the order.
fn last_of(order: &[Ident]) -> String {
    let descending = name::list(order.iter().map(|column| format!("{column} desc")));
    name::list(
        order.iter().zip(last(order)).map(|(column, last)| {
            format!("(array_agg({column} order by {descending}))[1] as {last}")
        }),
    )
}

/// The CTEs that fold the rows of `new` into the position's table; `prefix` makes their names.
pub(crate) fn fold_ctes(
    stream: &Stream,
    rollup: &Rollup,
    fold: &PositionFold,
    prefix: &str,
    stored: Stored,
) -> Vec<String> {
    let table = &rollup.levels[0].table;
    let order = stream.total_order(&rollup.by);
    let key_names: Vec<&Ident> = rollup.by.iter().map(|key| &key.name).collect();
    let keys = name::list(&key_names);
    let orders = name::list(&order);
    let rows = format!(
        "{prefix}_rows as materialized (select {keys}, {orders}, \
         howdah_signed, howdah_price, howdah_fee from {})",
        fills("new", rollup, fold)
    );
    let late = late_cte(stream, rollup, &order, prefix);
    let is_late = |alias: &str| {
        format!("exists (select from {prefix}_late l where {})", same_key("l", alias, &rollup.by))
    };
    let base = format!(
        "case when s.fills is not null then row({})::howdah.position_state end",
        name::list(FIELDS.iter().map(|(field, _)| format!("s.{field}")))
    );
    let new_columns =
        name::list(key_names.iter().copied().chain(&order).map(|column| format!("n.{column}")));
    // Those of a late key that the stream does not show yet.
    let late_rows = match stored {
        Stored::Yes => String::new(),
        Stored::No => format!(
            "union all \
             select {new_columns}, n.howdah_signed, n.howdah_price, n.howdah_fee, null \
             from {prefix}_rows n where {} ",
            is_late("n")
        ),
    };
    // All fills of the late keys, those in segments too.
    let known = if stream.segment.is_some() {
        let same = same_key("h", "l", &rollup.by);
        let found = history::lateral(stream, &same, "h");
        let source = format!("(select h.* from {prefix}_late l cross join {found}) f");
        fills(&source, rollup, fold)
    } else {
        format!("{} and {}", fills(&format!("{} f", stream.table), rollup, fold), is_late("f"))
    };
    let input = format!(
        "{prefix}_input as (\
         select {new_columns}, n.howdah_signed, n.howdah_price, n.howdah_fee, \
         {base} as howdah_base \
         from {prefix}_rows n left join {table} s on {} where not {} \
         {late_rows}\
         union all \
         select {keys}, {orders}, howdah_signed, howdah_price, howdah_fee, null from {known})",
        same_key("s", "n", &rollup.by),
        is_late("n"),
    );
    let folded = format!(
        "{prefix}_folded as materialized (select {keys}, \
         howdah.position(howdah_base, howdah_signed, howdah_price, howdah_fee order by {orders}) \
         as howdah_position, {} from {prefix}_input group by {keys})",
        last_of(&order)
    );
    let mut ctes = vec![rows, late, input, folded];
    ctes.extend(captured(stream, rollup, prefix));
    ctes.push(upsert_cte(table, &key_names, &order, prefix));
    ctes
}

/// The CTEs that keep what the fold changes, for derived rollups.
fn captured(stream: &Stream, rollup: &Rollup, prefix: &str) -> Vec<String> {
    let new = |column: &RollupColumn| {
        let name = &column.name;
        if FIELDS.iter().any(|(field, _)| *field == name.as_str()) {
            format!("(d.howdah_position).{name}")
        } else {
            format!("d.{name}")
        }
    };
    let source = format!("{prefix}_folded");
    let from = format!("{source} d");
    let captured = Captured { name: &source, from: &from, stays: "true", new: &new };
    derive::capture(stream, rollup, &captured)
}

/// The keys that get a fill before their last known one.
fn late_cte(stream: &Stream, rollup: &Rollup, order: &[Ident], prefix: &str) -> String {
    let keys: Vec<&Ident> = rollup.by.iter().map(|key| &key.name).collect();
    let key_list = name::list(&keys);
    let of = |alias: &str, columns: &[Ident]| -> Vec<String> {
        columns.iter().map(|column| format!("{alias}.{column}")).collect()
    };
    let nullable: Vec<bool> = order.iter().map(|column| is_nullable(stream, column)).collect();
    format!(
        "{prefix}_late as materialized (select {} from (\
         select distinct on ({key_list}) {key_list}, {} from {prefix}_rows \
         order by {key_list}, {}) e join {table} s on {} where {})",
        name::list(keys.iter().map(|key| format!("e.{key}"))),
        name::list(order),
        name::list(order),
        same_key("s", "e", &rollup.by),
        precedes(&of("e", order), &of("s", &last(order)), &nullable),
        table = rollup.levels[0].table,
    )
}

fn upsert_cte(table: &RelName, keys: &[&Ident], order: &[Ident], prefix: &str) -> String {
    let key_list = name::list(keys);
    let columns: Vec<String> = FIELDS
        .iter()
        .map(|(field, _)| Ident::new(*field).to_string())
        .chain(last(order).iter().map(ToString::to_string))
        .collect();
    format!(
        "{prefix}_upsert as (insert into {table} ({key_list}, {}) \
         select {key_list}, {}, {} from {prefix}_folded order by {key_list} \
         on conflict ({key_list}) do update set {})",
        columns.join(", "),
        name::list(FIELDS.iter().map(|(field, _)| format!("(howdah_position).{field}"))),
        name::list(last(order)),
        name::list(columns.iter().map(|column| format!("{column} = excluded.{column}"))),
    )
}
