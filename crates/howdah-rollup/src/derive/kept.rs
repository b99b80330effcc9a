//! The table of a derived rollup: its shape, its rebuild, its proof.

use howdah_catalog::{Ident, name};
use howdah_system::{Derived, DerivedKey, System};

use super::{alias, found, joined, key, keys_of, states, type_of, value};
use crate::column::computed;
use crate::recompute;
use crate::table::{Shape, TableColumn, definition as definition_of, table_columns};

/// The shape of a derived rollup's table.
#[must_use]
pub fn shape(system: &System, derived: &Derived) -> Shape {
    let mut columns: Vec<TableColumn> =
        derived.by.iter().filter_map(|key| key_column(system, derived, key)).collect();
    let zero = |name: Ident, type_name: &str| TableColumn {
        name,
        type_name: type_name.to_owned(),
        definition: format!("{type_name} not null default 0"),
    };
    columns.push(zero(Ident::new(Derived::ROWS), "bigint"));
    let measures = derived.measures.iter();
    columns.extend(measures.map(|measure| zero(measure.name.clone(), type_of(measure))));
    columns.extend(computed(&derived.computed).map(TableColumn::generated));
    Shape {
        table: derived.table.clone(),
        key: derived.by.iter().map(|key| key.name.clone()).collect(),
        columns,
        whole_key: true,
        fillfactor: 50,
    }
}

/// A key column, of the type that it has in the state that it is from.
fn key_column(system: &System, derived: &Derived, key: &DerivedKey) -> Option<TableColumn> {
    let through = derived.through.as_ref().filter(|_| key.of_lookup);
    let state = through.map_or(derived.of.first().copied(), |through| Some(through.state))?;
    let rollup = &system.rollups[state];
    let stream = system.stream_of(rollup);
    let columns = table_columns(stream, rollup, &rollup.levels[0]);
    let column = columns.into_iter().find(|column| column.name == key.name)?;
    let collation = stream.column(&key.name).and_then(|column| column.collation.as_ref());
    let collate = collation.map(|name| format!(" collate {name}")).unwrap_or_default();
    Some(TableColumn { definition: format!("{}{collate} not null", column.type_name), ..column })
}

/// What a derived rollup should hold, from the rows of its states; columns: key, rows, measures.
#[must_use]
pub fn recomputed(system: &System, derived: &Derived) -> String {
    let measures = &derived.measures;
    let parts = derived.of.iter().map(|state| {
        let rollup = &system.rollups[*state];
        let keys = keys_of(system, derived, *state);
        let whole = joined(keys.iter().map(|key| format!("{key} is not null")), " and ");
        let keys =
            keys.iter().zip(&derived.by).map(|(key, column)| format!("{key} as {}", column.name));
        let values = measures.iter().map(|measure| {
            let value = if measure.of == *state { value(measure) } else { "null".to_owned() };
            format!("({value})::numeric as {}", measure.name)
        });
        let through = derived.through.as_ref().filter(|through| through.state != *state);
        let lookup = through.map(|through| {
            let lookup = &system.rollups[through.state];
            let on = found(&through.on, &alias(rollup).to_string(), &alias(lookup).to_string());
            format!(" join {} {} on {on}", lookup.levels[0].table, alias(lookup))
        });
        format!(
            "select {} from {} {}{} where {whole}",
            name::list(keys.chain(values)),
            rollup.levels[0].table,
            alias(rollup),
            lookup.unwrap_or_default(),
        )
    });
    let keys = name::list(derived.by.iter().map(|key| &key.name));
    let sums = measures.iter().map(|measure| {
        let name = &measure.name;
        format!("coalesce(sum({name}), 0)::{} as {name}", type_of(measure))
    });
    format!(
        "select {keys}, {} from ({}) m group by {keys}",
        name::list(
            std::iter::once(format!("count(*) as {}", Ident::new(Derived::ROWS))).chain(sums)
        ),
        joined(parts, " union all "),
    )
}

/// Key, rows and measures.
fn stored(derived: &Derived) -> String {
    let keys = derived.by.iter().map(|key| key.name.clone());
    let measures = derived.measures.iter().map(|measure| measure.name.clone());
    name::list(keys.chain(std::iter::once(Ident::new(Derived::ROWS))).chain(measures))
}

/// The statements that compute a derived rollup anew; to be run in one transaction that holds the
/// locks of all its streams exclusively.
#[must_use]
pub fn rebuild(system: &System, derived: &Derived) -> Vec<String> {
    let keys = name::list(derived.by.iter().map(|key| &key.name));
    vec![
        format!("delete from {}", derived.table),
        format!(
            "insert into {} ({}) {} order by {keys}",
            derived.table,
            stored(derived),
            recomputed(system, derived)
        ),
    ]
}

/// The proof: as [`crate::recompute::proof`].
#[must_use]
pub fn proof(system: &System, derived: &Derived) -> String {
    recompute::difference(&recomputed(system, derived), &kept(derived))
}

/// A query for the keys of up to `limit` rows that differ, as JSON text; for people.
#[must_use]
pub fn differing_keys(system: &System, derived: &Derived, limit: u32) -> String {
    let keys = name::list(derived.by.iter().map(|key| &key.name));
    recompute::differing(&recomputed(system, derived), &kept(derived), &keys, limit)
}

fn kept(derived: &Derived) -> String {
    format!("select {} from {}", stored(derived), derived.table)
}

/// What a derived rollup is made from, as text: a change of it means a rebuild. What its states are
/// made from is part of it.
#[must_use]
pub fn definition(system: &System, derived: &Derived) -> String {
    let states = states(derived).map(|state| {
        let rollup = &system.rollups[state];
        let made = definition_of(system.stream_of(rollup), rollup, &rollup.levels[0]);
        format!("{} {:016x}", rollup.name, name::stable_hash(&made))
    });
    let mut out = format!("of {}", joined(states, ", "));
    for state in &derived.of {
        out.push_str(&format!(" by {}", keys_of(system, derived, *state).join(", ")));
    }
    if let Some(through) = &derived.through {
        out.push_str(&format!(" through {}", found(&through.on, "s", "l")));
    }
    for measure in &derived.measures {
        let state = &system.rollups[measure.of].name;
        out.push_str(&format!("; {} = sum of {state}: {}", measure.name, value(measure)));
    }
    for computed in &derived.computed {
        out.push_str(&format!("; {} = {}", computed.name, computed.expr.text));
    }
    out
}

/// The columns by which the rows of a state are found from a row of a lookup, for each lookup that
/// finds it by something else than the beginning of its key: an index is needed.
///
/// The rest of the key stands behind them. A state grows fast from nothing, and without statistics
/// the planner takes the index of the fewest columns even for one row by its whole key: it would
/// read all rows that the lookup's row finds.
#[must_use]
pub fn lookups_of(system: &System, state: usize) -> Vec<Vec<Ident>> {
    let mut out: Vec<Vec<Ident>> = Vec::new();
    let key = key(&system.rollups[state]);
    let reading = system.derived.iter().filter(|derived| derived.of.contains(&state));
    for through in reading.filter_map(|derived| derived.through.as_ref()) {
        let columns: Vec<Ident> = through.on.iter().map(|(_, column)| column.clone()).collect();
        let beginning = key.iter().take(columns.len());
        let served = columns.iter().all(|column| beginning.clone().any(|known| *known == column));
        let rest: Vec<Ident> =
            key.iter().filter(|k| !columns.contains(k)).map(|k| (*k).clone()).collect();
        let whole: Vec<Ident> = columns.into_iter().chain(rest).collect();
        if through.state != state && !served && !out.contains(&whole) {
            out.push(whole);
        }
    }
    out
}
