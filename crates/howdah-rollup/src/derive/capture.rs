//! What a statement changes of a state, kept for the derived rollups: rows as they were before the
//! transaction and as they are, in a temporary table. The first old row stays, the last new one.
//!
//! A row in which nothing changes that matters to a derived rollup is not kept: most events move an
//! amount and not, say, whether there is any.

use howdah_catalog::{Ident, RelName, name};
use howdah_system::{Rollup, Stream};

use super::{alias, equal, key};
use crate::column::{RollupColumn, RollupColumns, columns};
use crate::table::table_columns;

/// The columns of a temporary table that tell whether the state had the row, and has it.
pub(super) const THERE: &str = "howdah_there";
pub(super) const STAYS: &str = "howdah_stays";

/// When a row is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// Before the transaction.
    Before,
    /// Now.
    After,
}

/// The temporary table that keeps the changed rows of a state within a transaction.
pub(super) fn changed(rollup: &Rollup) -> RelName {
    RelName { schema: Ident::new("pg_temp"), name: name::fitting("howdah_changed", &rollup.name) }
}

pub(super) fn watched(rollup: &Rollup) -> &[Ident] {
    rollup.watched.as_ref().map(|watched| watched.columns.as_slice()).unwrap_or_default()
}

/// `create temporary table if not exists …`; `None` when no derived rollup reads the state.
pub(super) fn create(stream: &Stream, rollup: &Rollup) -> Option<String> {
    rollup.watched.as_ref()?;
    let columns = table_columns(stream, rollup, &rollup.levels[0]);
    let type_of = |name: &Ident| {
        let column = columns.iter().find(|column| column.name == *name);
        column.map_or("text", |column| column.type_name.as_str())
    };
    let keys = key(rollup).into_iter().map(|name| format!("{name} {}", type_of(name)));
    let values = watched(rollup).iter().enumerate().flat_map(|(n, name)| {
        let type_name = type_of(name);
        [format!("howdah_o{n} {type_name}"), format!("howdah_n{n} {type_name}")]
    });
    Some(format!(
        "create temporary table if not exists {} ({}, {THERE} boolean not null, \
         {STAYS} boolean not null, primary key ({})) on commit delete rows",
        changed(rollup).name,
        name::list(keys.chain(values)),
        name::list(key(rollup)),
    ))
}

/// The query for the kept rows that are there at a moment: key and watched columns.
pub(super) fn row_at(rollup: &Rollup, moment: Moment) -> String {
    let (prefix, there) = match moment {
        Moment::Before => ("howdah_o", THERE),
        Moment::After => ("howdah_n", STAYS),
    };
    let keys = key(rollup).into_iter().map(|key| format!("c.{key}"));
    let values =
        watched(rollup).iter().enumerate().map(|(n, name)| format!("c.{prefix}{n} as {name}"));
    format!("select {} from {} c where c.{there}", name::list(keys.chain(values)), changed(rollup))
}

/// A statement that changes rows of a state.
pub(crate) struct Captured<'a> {
    /// A name for the CTEs that are added.
    pub(crate) name: &'a str,
    /// The relations that give the keys that change, as `d`, and what else `new` names.
    pub(crate) from: &'a str,
    /// The condition that the row is there afterwards.
    pub(crate) stays: &'a str,
    /// A stored column afterwards: SQL over `from` and the old row `s`, which may be missing.
    pub(crate) new: &'a dyn Fn(&RollupColumn) -> String,
}

/// The CTEs that keep what a statement changes of a state, to stand in it; none when no derived
/// rollup reads it.
pub(crate) fn capture(stream: &Stream, rollup: &Rollup, captured: &Captured<'_>) -> Vec<String> {
    let Some(watch) = &rollup.watched else { return Vec::new() };
    let Captured { name: prefix, from, stays, new } = captured;
    let key = key(rollup);
    let Some(first) = key.first() else { return Vec::new() };
    let RollupColumns { stored, generated } = columns(stream, rollup);
    let generated: Vec<_> =
        generated.iter().filter(|column| watch.columns.contains(&column.name)).collect();
    let needed = |column: &&RollupColumn| {
        watch.columns.contains(&column.name)
            || generated.iter().any(|other| other.stands_on.contains(&column.name))
    };
    // A value is what the table makes of it: cut to the column's type.
    let values = stored
        .iter()
        .filter(needed)
        .map(|column| format!("({})::{} as {}", new(column), column.type_name, column.name));
    let keys = key.iter().map(|name| format!("d.{name}"));
    let old =
        watch.columns.iter().enumerate().map(|(n, column)| format!("s.{column} as howdah_o{n}"));
    let at_once = [format!("s.{first} is not null as {THERE}"), format!("({stays}) as {STAYS}")];
    let computed = generated.iter().map(|column| {
        format!(", ({})::{} as {}", column.expression, column.type_name, column.name)
    });
    let seen = format!(
        "{prefix}_seen as (select q.*{} from (select {} from {from} left join lateral \
         (select * from {} s where {} offset 0) s on true) q)",
        computed.collect::<String>(),
        name::list(keys.chain(at_once).chain(old).chain(values)),
        rollup.levels[0].table,
        equal("s", "d", &key),
    );
    let count = watch.columns.len();
    let kept = key
        .iter()
        .map(ToString::to_string)
        .chain([THERE.to_owned(), STAYS.to_owned()])
        .chain((0..count).map(|n| format!("howdah_o{n}")));
    let into = kept.clone().chain((0..count).map(|n| format!("howdah_n{n}")));
    let given = kept
        .map(|column| format!("v.{column}"))
        .chain(watch.columns.iter().map(|column| format!("v.{column}")));
    let again = (0..count)
        .map(|n| format!("howdah_n{n} = excluded.howdah_n{n}"))
        .chain([format!("{STAYS} = excluded.{STAYS}")]);
    let before = format!(
        "{prefix}_before as (insert into {} ({}) select {} from {prefix}_seen v{} \
         on conflict ({}) do update set {})",
        changed(rollup),
        name::list(into),
        name::list(given),
        effects(rollup, &watch.effects),
        name::list(&key),
        name::list(again),
    );
    vec![seen, before]
}

/// The sub-query for `given`, expressions over a row of the state under the state's own name: the
/// key of `row` beside `values`.
pub(super) fn over_row(
    rollup: &Rollup,
    row: &str,
    values: impl Iterator<Item = String>,
    given: impl Iterator<Item = String>,
) -> String {
    let keys = key(rollup).into_iter().map(|key| format!("{row}.{key}"));
    format!(
        "(select {} from (select {}) {})",
        name::list(given),
        name::list(keys.chain(values)),
        alias(rollup),
    )
}

/// The `where` that leaves out rows `v` in which nothing changes that matters.
fn effects(rollup: &Rollup, effects: &[String]) -> String {
    if effects.is_empty() {
        return format!(" where not v.{THERE} or not v.{STAYS}");
    }
    let old =
        watched(rollup).iter().enumerate().map(|(n, column)| format!("v.howdah_o{n} as {column}"));
    let new = watched(rollup).iter().map(|column| format!("v.{column}"));
    let side = |values: Vec<String>, name: &str| {
        let given = effects.iter().enumerate().map(|(n, effect)| format!("{effect} as e{n}"));
        let given = over_row(rollup, "v", values.into_iter(), given);
        format!(" cross join lateral {given} {name}")
    };
    let all = |side: &str| name::list((0..effects.len()).map(|n| format!("{side}.e{n}")));
    format!(
        "{}{} where not v.{THERE} or not v.{STAYS} or ({}) is distinct from ({})",
        side(old.collect(), "a"),
        side(new.collect(), "b"),
        all("a"),
        all("b"),
    )
}
