//! Derived rollups: sums and counts over the rows of states, from what a batch changed of them.
//!
//! The upsert of a state that derived rollups read keeps, in the same statement, the rows in which
//! it changes something that matters to them, as they were and as they are ([`mod@capture`]). When
//! all states of the batch are folded, one statement per state (and lookup) takes what those rows
//! gave before from what they give now and adds the differences, whatever the number of rows:
//!
//! - a row is touched when it changed, or when the row of the lookup that it finds did;
//! - before: the old rows beside the old lookup; after: the new rows beside the new one. So it does
//!   not matter whether the lookup comes before or after what it tells the place of;
//! - while the lookup stays as it is, a row stays where it is, and its values are subtracted before
//!   they are summed ([`mod@still`]);
//! - a row of a derived rollup is there as long as a state's row stands behind it
//!   ([`Derived::ROWS`]).
//!
//! A state is read before it is written, so batches of streams that meet in a derived rollup run
//! one after the other; see [`crate::lock`].

use howdah_catalog::{Ident, name};
use howdah_system::{Derived, DerivedKey, DerivedKind, DerivedMeasure, Expr, Rollup, System};

use crate::column::sum_type;
use capture::{Moment, changed, row_at};

mod capture;
mod kept;
mod still;

pub(crate) use capture::{Captured, capture};
pub use kept::{definition, differing_keys, lookups_of, proof, rebuild, recomputed, shape};

fn key(rollup: &Rollup) -> Vec<&Ident> {
    rollup.by.iter().map(|key| &key.name).collect()
}

/// The statements that make the temporary tables which a batch into `streams` (indexes into
/// [`System::streams`]) needs: those of all states that meet in a derived rollup with its own.
#[must_use]
pub fn changed_tables(system: &System, streams: &[usize]) -> Vec<String> {
    let streams = &system.reach(streams);
    let touched = system.derived.iter().filter(|derived| reads(system, derived, streams));
    let mut states: Vec<usize> = touched.flat_map(states).collect();
    states.sort_unstable();
    states.dedup();
    let states = states.into_iter().map(|state| &system.rollups[state]);
    states.filter_map(|state| capture::create(system.stream_of(state), state)).collect()
}

/// `a.k = b.k and …`.
fn equal(a: &str, b: &str, columns: &[&Ident]) -> String {
    joined(columns.iter().map(|column| format!("{a}.{column} = {b}.{column}")), " and ")
}

fn joined(parts: impl Iterator<Item = String>, by: &str) -> String {
    parts.collect::<Vec<_>>().join(by)
}

/// Whether a batch into one of these streams may change a derived rollup.
fn reads(system: &System, derived: &Derived, streams: &[usize]) -> bool {
    self::streams(system, derived).iter().any(|stream| streams.contains(stream))
}

/// The streams that a derived rollup stands on: indexes into [`System::streams`], ascending.
#[must_use]
pub fn streams(system: &System, derived: &Derived) -> Vec<usize> {
    let mut streams: Vec<usize> =
        states(derived).map(|state| system.rollups[state].stream).collect();
    streams.sort_unstable();
    streams.dedup();
    streams
}

/// The states that a derived rollup reads, the lookup among them.
pub fn states(derived: &Derived) -> impl Iterator<Item = usize> + '_ {
    let lookup = derived.through.as_ref().map(|through| through.state);
    derived.of.iter().copied().chain(lookup.filter(|lookup| !derived.of.contains(lookup)))
}

/// What brings the derived rollups after the states of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derivation {
    /// To be run first, as one text.
    pub before: String,
    /// Then this query: one row with a boolean for each state, whether the batch changed anything
    /// of it that matters.
    pub is_changed: String,
    /// Then these.
    pub differences: Vec<Differences>,
    /// At last this, as one text: the temporary tables are empty again, so that all may be run
    /// several times in a transaction.
    pub after: String,
}

/// What adds the differences of one state's rows; each text may be prepared, takes no parameters
/// and gives no rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differences {
    /// The state, as a column of [`Derivation::is_changed`].
    pub state: usize,
    /// The lookup that says where its rows belong, likewise.
    pub lookup: Option<usize>,
    /// To be run when the lookup changed; it is always right.
    pub moved: String,
    /// To be run when the state alone changed.
    pub still: Option<String>,
}

/// What brings all derived rollups after a batch into `streams` (indexes into
/// [`System::streams`]); to be run when all states of the batch are folded. `None`: there is none.
#[must_use]
pub fn statements(system: &System, streams: &[usize]) -> Option<Derivation> {
    let streams = &system.reach(streams);
    let touched: Vec<&Derived> =
        system.derived.iter().filter(|derived| reads(system, derived, streams)).collect();
    let mut pairs: Vec<Pair<'_>> = Vec::new();
    for derived in &touched {
        for state in &derived.of {
            let through = derived.through.as_ref().filter(|through| through.state != *state);
            let on = through.map(|through| (through.state, through.on.as_slice()));
            match pairs.iter_mut().find(|pair| pair.state == *state && pair.on == on) {
                Some(pair) => pair.into.push(derived),
                None => pairs.push(Pair { system, state: *state, on, into: vec![derived] }),
            }
        }
    }
    let mut states: Vec<usize> = touched.iter().flat_map(|derived| states(derived)).collect();
    states.sort_unstable();
    states.dedup();
    let place = |state: usize| states.iter().position(|known| *known == state);
    let tables = || states.iter().map(|state| changed(&system.rollups[*state]));
    let is_changed = tables().map(|table| format!("exists (select from {table})"));
    let emptied = tables().map(|table| format!("delete from {table}"));
    (!touched.is_empty()).then(|| Derivation {
        before: plan_by_key(),
        is_changed: format!("select {}", name::list(is_changed)),
        differences: pairs
            .iter()
            .filter(|pair| pair.touched(streams))
            .filter_map(|pair| {
                let lookup = pair.on.map(|(lookup, _)| lookup);
                Some(pair.differences_of(place(pair.state)?, lookup.and_then(place)))
            })
            .collect(),
        after: joined(emptied.chain([plan_freely()]), "; "),
    })
}

/// The statements, as one text, that let plans reach tables by their keys; see [`PLAN_BY_KEY`].
#[must_use]
pub fn plan_by_key() -> String {
    PLAN_BY_KEY.map(|setting| format!("set local {setting} = off")).join("; ")
}

/// The statements, as one text, that take [`plan_by_key`] back.
#[must_use]
pub fn plan_freely() -> String {
    PLAN_BY_KEY.map(|setting| format!("set local {setting} to default")).join("; ")
}

/// Every table is reached by its key from few changed rows. The statistics of a temporary table are
/// guesses, a plan is kept while the states grow, and one that reads a whole state is dear.
const PLAN_BY_KEY: [&str; 3] = ["enable_seqscan", "enable_hashjoin", "enable_mergejoin"];

/// The first of the streams that meet with `stream` in derived rollups and reorganisations,
/// directly or by others: an index into [`System::streams`], and a name for all of them. `None`: it
/// meets none, and no batch reads what another writes.
#[must_use]
pub fn component(system: &System, stream: usize) -> Option<usize> {
    let derived = system.derived.iter().map(|derived| streams(system, derived));
    let reorganised = system.reorganisations.iter().map(|it| it.streams().collect());
    let sets: Vec<Vec<usize>> = derived.chain(reorganised).collect();
    let mut met: Vec<usize> = sets.iter().find(|set| set.contains(&stream))?.clone();
    // A list that grows while it is walked: the streams of every set that holds one of them.
    let mut next = 0;
    while let Some(stream) = met.get(next).copied() {
        for set in sets.iter().filter(|set| set.contains(&stream)) {
            met.extend(
                set.iter().filter(|other| !met.contains(other)).copied().collect::<Vec<_>>(),
            );
        }
        next += 1;
    }
    met.into_iter().min()
}

/// How what the rows of a query give is summed.
#[derive(Debug, Clone, Copy)]
enum Summed {
    /// Each row is one as it was or as it is, and has a sign.
    BySign,
    /// Each row is the difference.
    Is,
}

/// One state, looked up one way, and the derived rollups that sum its rows so.
struct Pair<'a> {
    system: &'a System,
    state: usize,
    on: Option<(usize, &'a [(Ident, Ident)])>,
    into: Vec<&'a Derived>,
}

impl Pair<'_> {
    fn rollup(&self) -> &Rollup {
        &self.system.rollups[self.state]
    }

    fn lookup(&self) -> Option<(&Rollup, &[(Ident, Ident)])> {
        self.on.map(|(state, on)| (&self.system.rollups[state], on))
    }

    /// Whether a batch into these streams can change its rows, or where they belong.
    fn touched(&self, streams: &[usize]) -> bool {
        let lookup = self.lookup().is_some_and(|(lookup, _)| streams.contains(&lookup.stream));
        lookup || streams.contains(&self.rollup().stream)
    }

    fn differences_of(&self, state: usize, lookup: Option<usize>) -> Differences {
        let given = self.given();
        let still =
            self.differences(&given).map(|moved| self.statement(&moved, &given, Summed::Is));
        let moved = self.statement(&self.moved(&given), &given, Summed::BySign);
        Differences { state, lookup, moved, still }
    }

    fn statement(&self, moved: &str, given: &[String], summed: Summed) -> String {
        let mut ctes = vec![format!("moved as materialized ({moved})")];
        for (index, derived) in self.into.iter().enumerate() {
            ctes.extend(self.apply(derived, index, given, summed));
        }
        format!("with {}\nselect from moved limit 0", ctes.join(",\n"))
    }

    /// The expressions over a row and its lookup that any of the derived rollups takes, each once.
    fn given(&self) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        for given in self.keys().chain(self.values()) {
            if !out.contains(&given) {
                out.push(given);
            }
        }
        out
    }

    /// Those that say where a row belongs.
    fn keys(&self) -> impl Iterator<Item = String> + '_ {
        self.into.iter().flat_map(|derived| keys_of(self.system, derived, self.state))
    }

    /// Those that are summed.
    fn values(&self) -> impl Iterator<Item = String> + '_ {
        self.into.iter().flat_map(|derived| measures_of(derived, self.state).map(value))
    }

    /// What the touched rows give: as they were, with sign -1, and as they are, with sign 1.
    fn moved(&self, given: &[String]) -> String {
        let state = self.rollup();
        let table = &state.levels[0].table;
        let key = key(state);
        let given = name::list(given.iter().enumerate().map(|(n, it)| format!("{it} as g{n}")));
        let alias = alias(state);
        let mut old = row_at(state, Moment::Before);
        let mut new = row_at(state, Moment::After);
        let Some((lookup, on)) = self.lookup() else {
            return format!(
                "select -1 as howdah_sign, {given} from ({old}) {alias} \
                 union all select 1, {given} from ({new}) {alias}"
            );
        };
        // Rows that did not change themselves, but their lookup did.
        let columns = kept_columns(state);
        let stayed = format!(
            " union all select {} from {} l join {table} s on {} \
             where not exists (select from {} c where {})",
            name::list(columns.iter().map(|column| format!("s.{column}"))),
            changed(lookup),
            found(on, "s", "l"),
            changed(state),
            equal("c", "s", &key),
        );
        old.push_str(&stayed);
        new.push_str(&stayed);
        format!(
            "select -1 as howdah_sign, {given} from ({old}) {alias} \
             join lateral ({}) {looked} on true union all \
             select 1, {given} from ({new}) {alias} join {} {looked} on {}",
            old_lookup(lookup, on, &alias),
            lookup.levels[0].table,
            found(on, &alias.to_string(), &self::alias(lookup).to_string()),
            looked = self::alias(lookup),
        )
    }

    /// The CTEs that add the differences to one derived rollup.
    fn apply(
        &self,
        derived: &Derived,
        index: usize,
        given: &[String],
        summed: Summed,
    ) -> Vec<String> {
        let table = &derived.table;
        let keys: Vec<&Ident> = derived.by.iter().map(|key| &key.name).collect();
        let key_list = name::list(&keys);
        let place = |expression: &String| {
            let at = given.iter().position(|known| known == expression).unwrap_or_default();
            format!("g{at}")
        };
        let rows = Ident::new(Derived::ROWS);
        let mut names = vec![rows.clone()];
        let mut sums = vec![format!("sum(howdah_sign)::bigint as {rows}")];
        for measure in measures_of(derived, self.state) {
            let value = place(&value(measure));
            let value = match summed {
                Summed::BySign => format!("howdah_sign * {value}"),
                Summed::Is => value,
            };
            sums.push(format!(
                "coalesce(sum({value}), 0)::{} as {}",
                type_of(measure),
                measure.name
            ));
            names.push(measure.name.clone());
        }
        let moved_keys: Vec<String> =
            keys_of(self.system, derived, self.state).iter().map(place).collect();
        let delta = format!("d{index}");
        let of_delta =
            |columns: &[&Ident]| name::list(columns.iter().map(|column| format!("d.{column}")));
        let name_list = name::list(&names);
        let as_keys = keys.iter().zip(&moved_keys).map(|(key, moved)| format!("{moved} as {key}"));
        vec![
            format!(
                "{delta} as materialized (select * from (select {}, {} from moved where {} \
                 group by {}) d where ({name_list}) is distinct from ({}))",
                name::list(as_keys),
                sums.join(", "),
                joined(moved_keys.iter().map(|key| format!("{key} is not null")), " and "),
                name::list(&moved_keys),
                name::list(names.iter().map(|_| "0")),
            ),
            // Only where rows went can the last have gone; sums do not change without a row.
            format!(
                "{delta}_gone as (delete from {table} t using {delta} d \
                 where d.{rows} < 0 and {} and t.{rows} + d.{rows} = 0 returning {})",
                equal("t", "d", &keys),
                name::list(keys.iter().map(|key| format!("t.{key}"))),
            ),
            format!(
                "{delta}_upsert as (insert into {table} as t ({key_list}, {name_list}) \
                 select {}, {} from {delta} d where d.{rows} >= 0 or not exists \
                 (select from {delta}_gone g where {}) order by {} \
                 on conflict ({key_list}) do update set {})",
                of_delta(&keys),
                of_delta(&names.iter().collect::<Vec<_>>()),
                equal("g", "d", &keys),
                of_delta(&keys),
                name::list(names.iter().map(|name| format!("{name} = t.{name} + excluded.{name}"))),
            ),
        ]
    }
}

/// The columns of a state that derived rollups may read.
fn kept_columns(state: &Rollup) -> Vec<&Ident> {
    key(state).into_iter().chain(state.watched.iter().flat_map(|it| &it.columns)).collect()
}

/// The name under which expressions speak of a state's row.
fn alias(state: &Rollup) -> Ident {
    Ident::new(state.name.as_str())
}

/// The condition that the row `row` of a state finds the row `looked` of the lookup.
fn found(on: &[(Ident, Ident)], row: &str, looked: &str) -> String {
    joined(on.iter().map(|(key, column)| format!("{row}.{column} = {looked}.{key}")), " and ")
}

/// The lookup's row as it was before the transaction, or as good as: one that is not noted did not
/// change in what matters.
fn old_lookup(lookup: &Rollup, on: &[(Ident, Ident)], row: &Ident) -> String {
    let columns = kept_columns(lookup);
    let row = row.to_string();
    format!(
        "select {of} from ({}) c where {} union all \
         select {} from {} l where {} and not exists (select from {} c where {})",
        row_at(lookup, Moment::Before),
        found(on, &row, "c"),
        name::list(columns.iter().map(|column| format!("l.{column}"))),
        lookup.levels[0].table,
        found(on, &row, "l"),
        changed(lookup),
        equal("c", "l", &key(lookup)),
        of = name::list(columns.iter().map(|column| format!("c.{column}"))),
    )
}

/// The measures of a derived rollup that speak of a state.
fn measures_of(derived: &Derived, state: usize) -> impl Iterator<Item = &DerivedMeasure> {
    derived.measures.iter().filter(move |measure| measure.of == state)
}

/// The key columns of a derived rollup, as expressions over the rows of a state and its lookup.
fn keys_of(system: &System, derived: &Derived, state: usize) -> Vec<String> {
    let lookup = derived.through.as_ref().map_or(state, |through| through.state);
    let of = |key: &DerivedKey| if key.of_lookup { lookup } else { state };
    let column = |key: &DerivedKey| format!("{}.{}", alias(&system.rollups[of(key)]), key.name);
    derived.by.iter().map(column).collect()
}

/// What one row adds to a measure.
fn value(measure: &DerivedMeasure) -> String {
    let filter = measure.filter.as_ref().map(|filter| format!("({})", filter.text));
    let when = |condition: Option<String>, value: &str| match condition {
        Some(condition) => format!("case when {condition} then {value} end"),
        None => value.to_owned(),
    };
    match &measure.kind {
        DerivedKind::Rows => when(filter, "1"),
        DerivedKind::Count(x) => {
            let there = format!("({}) is not null", x.text);
            when(Some(filter.map_or(there.clone(), |filter| format!("{filter} and {there}"))), "1")
        }
        DerivedKind::Sum(x) => when(filter, &finite(x)),
    }
}

/// The value as a number that can be taken away again: what is no number or infinite counts as
/// null.
fn finite(x: &Expr) -> String {
    // The sign is multiplied in: the smallest number of a type has no opposite in it.
    match x.type_name.as_str() {
        "smallint" | "integer" => return format!("({})::bigint", x.text),
        "bigint" => return format!("({})::numeric", x.text),
        _ => {}
    }
    let no_numbers = ["NaN", "Infinity", "-Infinity"];
    no_numbers
        .iter()
        .fold(format!("({})::numeric", x.text), |value, no| format!("nullif({value}, '{no}')"))
}

/// The type of a measure's column.
fn type_of(measure: &DerivedMeasure) -> &'static str {
    match &measure.kind {
        DerivedKind::Sum(x) => sum_type(x),
        DerivedKind::Rows | DerivedKind::Count(_) => "bigint",
    }
}
