//! The indexes that a stream needs: its unique key, and the way to the events of one key where a
//! late event is folded anew.
//!
//! Columns are ascending: `(symbol, ts desc)` was measured to cost twice the insert time and twice
//! the size of `(symbol, ts)` for the same reads, because new rows then split pages in the middle.

use howdah_catalog::{
    Catalog, ConstraintKind, Ident, Index, Literal, RelName, Relation, RelationKind, name,
};
use howdah_rollup::{derive, reorganise, span, subtract};
use howdah_system::{MeasureKind, Stream, System};

use crate::step::{Lock, LockMode, Plan, Step};

/// An index that has to be there.
#[derive(Clone)]
pub(crate) struct Needed {
    columns: Vec<Ident>,
    unique: bool,
    /// Which rows are looked for, where not all are: an index of these alone serves too.
    only: Option<String>,
}

impl Needed {
    /// An index that finds all rows by these columns.
    fn by(columns: Vec<Ident>) -> Self {
        Self { columns, unique: false, only: None }
    }
}

/// The indexes that `relation` lacks.
pub(crate) fn missing(system: &System, stream: &Stream, relation: &Relation) -> Vec<Needed> {
    needed(system, stream)
        .into_iter()
        .filter(|needed| !relation.indexes.iter().any(|index| serves(index, needed)))
        .collect()
}

/// The steps that build `missing` on a table that others use.
pub(crate) fn plan(plan: &mut Plan, relation: &Relation, catalog: &Catalog, missing: &[Needed]) {
    for needed in missing {
        if relation.kind == RelationKind::PartitionedTable {
            on_partitions(plan, &relation.name, catalog, needed);
        } else {
            plan.steps.push(concurrently(&relation.name, needed));
        }
    }
}

/// The steps that build the indexes by which derived rollups find the rows of a state.
pub(crate) fn of_state(plan: &mut Plan, system: &System, state: usize, catalog: &Catalog) {
    let table = &system.rollups[state].levels[0].table;
    let have = catalog.relation(table);
    for columns in derive::lookups_of(system, state) {
        let needed = Needed::by(columns);
        let served = have.is_some_and(|have| have.indexes.iter().any(|i| serves(i, &needed)));
        if !served {
            plan.steps.push(concurrently(table, &needed));
        }
    }
}

/// The statements that give the new, empty table `parent` the indexes of `relation` and those that
/// are `missing`, under their names.
pub(crate) fn on_new_parent(
    parent: &RelName,
    relation: &Relation,
    missing: &[Needed],
) -> Vec<String> {
    let constraints = relation.constraints.iter().filter(|constraint| {
        matches!(constraint.kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique)
    });
    let mut sql: Vec<String> = constraints
        .clone()
        .map(|constraint| {
            format!(
                "alter table {parent} add constraint {} {}",
                constraint.name, constraint.definition
            )
        })
        .collect();
    let behind: Vec<&Ident> = constraints
        .map(|constraint| constraint.index.as_ref().unwrap_or(&constraint.name))
        .collect();
    for index in relation.indexes.iter().filter(|index| index.valid) {
        let Some(tail) = index_tail(&index.definition) else { continue };
        if !behind.contains(&&index.name) {
            let unique = if index.unique { "unique " } else { "" };
            sql.push(format!("create {unique}index {} on {parent}{tail}", index.name));
        }
    }
    let name = |needed| index_name(parent, needed);
    sql.extend(missing.iter().map(|needed| create(&parent.to_string(), &name(needed), needed, "")));
    sql
}

/// What follows index and table in `pg_get_indexdef`: ` USING btree (…) …`.
fn index_tail(definition: &str) -> Option<&str> {
    let mut quoted = false;
    definition
        .char_indices()
        .find(|(at, character)| {
            quoted ^= *character == '"';
            !quoted && definition[*at..].starts_with(" USING ")
        })
        .map(|(at, _)| &definition[at..])
}

fn needed(system: &System, stream: &Stream) -> Vec<Needed> {
    let mut out = Vec::new();
    if !stream.key.is_empty() {
        out.push(Needed { unique: true, ..Needed::by(stream.key.clone()) });
    }
    if let Some(at) = system.streams.iter().position(|known| known.table == stream.table)
        && let Some(reorganisation) = system.reorganisation_of(at).filter(|it| it.of.contains(&at))
    {
        out.push(Needed::by(reorganise::index(reorganisation)));
    }
    if let Some(at) = system.streams.iter().position(|known| known.table == stream.table) {
        let indexes = system.spans_of(at).filter_map(|(_, spans)| span::index(stream, spans));
        out.extend(indexes.map(Needed::by));
    }
    for rollup in system.rollups_of(stream) {
        let ordered_fold =
            rollup.measures.iter().any(|measure| matches!(measure.kind, MeasureKind::Position(_)));
        // What a key keeps is computed anew when one of its events is taken back, unless that can
        // be subtracted.
        let anew = stream.retracted.is_some() && !subtract::is_subtractable(stream, rollup);
        if ordered_fold || anew {
            let mut columns: Vec<Ident> =
                rollup.by.iter().map(|column| column.name.clone()).collect();
            if !columns.contains(&stream.time) {
                columns.push(stream.time.clone());
            }
            let only = rollup.filter.as_ref().map(|filter| filter.text.clone());
            out.push(Needed { only, ..Needed::by(columns) });
        }
    }
    // One that begins with another serves for both.
    let all = std::mem::take(&mut out);
    for (at, needed) in all.iter().enumerate() {
        let serves = |other: &Needed| {
            !needed.unique
                && (other.only.is_none() || other.only == needed.only)
                && other.columns.len() >= needed.columns.len()
                && other.columns.iter().zip(&needed.columns).all(|(have, need)| have == need)
        };
        let beside = all.iter().enumerate().any(|(other, it)| {
            other != at && serves(it) && (it.columns.len() > needed.columns.len() || other < at)
        });
        if !beside {
            out.push(needed.clone());
        }
    }
    out
}

/// A unique index serves when it is on exactly these columns, in any order: `on conflict` infers
/// it. Another serves when it starts with them in this order, and has all rows that are looked for.
fn serves(index: &Index, needed: &Needed) -> bool {
    let has_all = match (&index.predicate, &needed.only) {
        (None, _) => true,
        (Some(has), Some(only)) => is_same_condition(has, only),
        (Some(_), None) => false,
    };
    if !index.valid || !has_all || index.method != "btree" {
        return false;
    }
    let columns: Vec<&Ident> =
        index.columns.iter().map_while(|column| column.column.as_ref()).collect();
    if needed.unique {
        index.unique
            && columns.len() == index.columns.len()
            && columns.len() == needed.columns.len()
            && needed.columns.iter().all(|column| columns.contains(&column))
    } else {
        columns.len() >= needed.columns.len()
            && columns.iter().zip(&needed.columns).all(|(have, need)| *have == need)
    }
}

/// Whether a condition as the server prints it is the one of the file, but for blanks and outer
/// brackets. Two that mean the same and are written otherwise count as different.
fn is_same_condition(printed: &str, written: &str) -> bool {
    let bare = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let printed = bare(printed);
    let inner = printed.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
    let written = bare(written);
    written == printed || inner.is_some_and(|inner| inner == written)
}

fn index_name(table: &RelName, needed: &Needed) -> Ident {
    let suffix = if needed.unique { "key" } else { "idx" };
    let columns: Vec<&str> = needed.columns.iter().map(Ident::as_str).collect();
    name::fitting(&format!("{}_{}", table.name.as_str(), columns.join("_")), suffix)
}

fn create(table: &str, index: &Ident, needed: &Needed, how: &str) -> String {
    let unique = if needed.unique { "unique " } else { "" };
    format!("create {unique}index {how}{index} on {table} ({})", name::list(&needed.columns))
}

/// Built while reads and writes go on; a build that was broken off left an invalid index, which
/// the check does not count and the first statement removes.
fn concurrently(table: &RelName, needed: &Needed) -> Step {
    let index = index_name(table, needed);
    let qualified = RelName::new(table.schema.as_str(), index.as_str());
    Step::new(
        format!("index {}", index.as_str()),
        format!(
            "build the {}index {} on {}",
            if needed.unique { "unique " } else { "" },
            index.as_str(),
            table.plain()
        ),
        vec![
            format!("drop index concurrently if exists {qualified}"),
            create(&table.to_string(), &index, needed, "concurrently "),
        ],
    )
    .lock(Lock::working(LockMode::ShareUpdateExclusive, table))
    .outside_transaction()
    // The undo of a parent's index has dropped those of its partitions.
    .undo(vec![format!("drop index concurrently if exists {qualified}")])
    .check(valid_check(&qualified))
}

fn valid_check(index: &RelName) -> String {
    format!(
        "select coalesce((select indisvalid from pg_catalog.pg_index \
         where indexrelid = to_regclass({})), false)",
        Literal(&index.to_string())
    )
}

/// On a partitioned table an index cannot be built concurrently at once: each partition's is, then
/// the parent's, which takes no time, is made of them.
fn on_partitions(plan: &mut Plan, table: &RelName, catalog: &Catalog, needed: &Needed) {
    let parent = index_name(table, needed);
    let parent_name = RelName::new(table.schema.as_str(), parent.as_str());
    let mut attach = vec![create(&format!("only {table}"), &parent, needed, "if not exists ")];
    for partition in catalog.partitions_of(table) {
        let index = index_name(&partition.name, needed);
        let qualified = RelName::new(partition.name.schema.as_str(), index.as_str());
        if !partition.indexes.iter().any(|have| have.name == index && have.valid) {
            if partition.kind == RelationKind::PartitionedTable {
                on_partitions(plan, &partition.name, catalog, needed);
            } else {
                plan.steps.push(concurrently(&partition.name, needed));
            }
        }
        attach.push(format!("alter index {parent_name} attach partition {qualified}"));
    }
    plan.steps.push(
        Step::new(
            format!("index {}", parent.as_str()),
            format!(
                "make the index {} of {} of those of its chunks",
                parent.as_str(),
                table.plain()
            ),
            attach,
        )
        .lock(Lock::moment(LockMode::ShareRowExclusive, table))
        .undo(vec![format!("drop index if exists {parent_name}")])
        .check(valid_check(&parent_name)),
    );
}

#[cfg(test)]
mod tests {
    use super::{index_tail, is_same_condition};

    #[test]
    fn a_condition_is_known_by_its_text_but_for_blanks_and_outer_brackets() {
        assert!(is_same_condition("(sender <> account)", "sender  <> account"));
        assert!(is_same_condition("ready", "ready"));
        for (printed, written) in [
            ("(sender = account)", "sender <> account"),
            ("(a) and (b)", "a) and (b and c"),
            ("(kind = 'x'::text)", "kind = 'x'"),
        ] {
            assert!(!is_same_condition(printed, written), "{printed} {written}");
        }
    }

    #[test]
    fn the_tail_of_a_definition_is_found_behind_any_name() {
        let definition = "CREATE INDEX \"a USING b\" ON public.\"T \"\" USING \" USING btree (at)";
        assert_eq!(index_tail(definition), Some(" USING btree (at)"));
        assert_eq!(index_tail("CREATE INDEX"), None);
    }
}
