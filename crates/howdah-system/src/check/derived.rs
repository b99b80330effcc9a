//! Derived rollups against the states whose rows they sum.

use howdah_catalog::{Ident, RelName};
use howdah_sql::expression::{Aggregate, ExpressionText};

use super::Check;
use super::measure::{Asked, Owner, Reported, Slot, Want};
use super::row::{self, Cell};
use crate::file::{AggregateSection, At, DerivedSection};
use crate::model::{
    Computed, Derived, DerivedKey, DerivedKind, DerivedMeasure, Rollup, Stream, Through,
};
use crate::problem::Place;
use crate::suggest;

/// A state that a derived rollup reads, and the columns that it may read.
struct Read {
    /// Index into `System::rollups`.
    state: usize,
    name: String,
    cells: Vec<Cell>,
}

/// The derived rollup that is being checked.
struct Scope {
    /// Its index in `System::derived`.
    index: usize,
    of: Vec<Read>,
    lookup: Option<Read>,
}

impl Scope {
    fn reads(&self) -> impl Iterator<Item = &Read> {
        let beside = self.lookup.iter().filter(|lookup| !self.is_of(lookup.state));
        self.of.iter().chain(beside)
    }

    fn is_of(&self, state: usize) -> bool {
        self.of.iter().any(|read| read.state == state)
    }
}

impl Check<'_> {
    pub(super) fn derived(&mut self) {
        let file = self.file;
        for section in &file.derived {
            let index = self.system.derived.len();
            if let Some(derived) = self.derived_one(section, index) {
                self.taken_tables(&section.name, std::iter::once(&derived.table));
                self.watch(&derived);
                self.system.derived.push(derived);
            } else {
                for asked in &mut self.asked {
                    asked.forget(Owner::Derived(index));
                }
            }
        }
    }

    fn derived_one(&mut self, section: &DerivedSection, index: usize) -> Option<Derived> {
        let of: Vec<Option<Read>> = section.of.iter().map(|name| self.state_named(name)).collect();
        let lookup = section.through.as_ref().map(|name| self.state_named(name));
        let of: Vec<Read> = of.into_iter().collect::<Option<_>>()?;
        let scope =
            Scope { index, of, lookup: lookup.map_or(Some(None), |found| found.map(Some))? };
        let first = self.system.rollups[scope.of.first()?.state].clone();
        let table = RelName {
            schema: self.system.stream_of(&first).table.schema.clone(),
            name: Ident::new(section.name.value.as_str()),
        };
        self.name_length(&section.name.value, &section.name.place);
        let through = self.through(section, &scope);
        let by = self.derived_key(section, &scope);
        let mut measures = Vec::new();
        let mut all = true;
        for measure in &section.measures {
            match self.derived_measure(&scope, measures.len(), measure) {
                Ok(measure) => measures.push(measure),
                Err(Reported) => all = false,
            }
        }
        let (through, by) = (through.ok()?, by.ok()?);
        self.derived_collisions(section, &by);
        if !all {
            return None;
        }
        let computed = self.derived_computed(section, &scope, &by, &measures).ok()?;
        let of = scope.of.iter().map(|read| read.state).collect();
        Some(Derived {
            name: section.name.value.clone(),
            table,
            of,
            through,
            by,
            measures,
            computed,
        })
    }

    /// The state that a derived rollup names. One that is in the file but has mistakes gives `None`
    /// without a further problem.
    fn state_named(&mut self, name: &At<String>) -> Option<Read> {
        let file = self.file;
        let states = || file.rollups.iter().filter(|section| section.is_state());
        let known = || states().map(|section| section.name.value.as_str());
        if !known().any(|state| state == name.value) {
            let problem = if file.derived.iter().any(|other| other.name.value == name.value) {
                name.problem(format!("\"{}\" is a derived rollup", name.value))
                    .hint("Name the states that it reads; what it sums can be summed here.")
            } else if file.rollups.iter().any(|other| other.name.value == name.value) {
                name.problem(format!("rollup \"{}\" is not a state", name.value))
                    .hint("Only the rows of states, which have no \"every\", can be summed.")
            } else {
                let message = format!("state \"{}\" is not in the file", name.value);
                name.problem(message).hint_if(suggest::hint(&name.value, known(), "states"))
            };
            self.report(problem);
            return None;
        }
        let state = self.system.rollups.iter().position(|rollup| rollup.name == name.value)?;
        let rollup = self.system.rollups[state].clone();
        if let Some(key) = rollup.by.iter().find(|key| !key.not_null) {
            let message = format!(
                "the key column \"{}\" of state \"{}\" may be null",
                key.name.as_str(),
                rollup.name
            );
            self.report(
                name.problem(message)
                    .hint("Declare it not null in the stream: rows are found by their whole key."),
            );
            return None;
        }
        let stream = self.system.stream_of(&rollup).clone();
        let mut cells = row::stored_cells(&self.types, &stream, &rollup);
        cells.extend(row::generated_cells(&self.types, &stream, &rollup));
        Some(Read { state, name: rollup.name, cells })
    }

    /// How the lookup is found: its whole key is among the columns of each summed state.
    fn through(
        &mut self,
        section: &DerivedSection,
        scope: &Scope,
    ) -> Result<Option<Through>, Reported> {
        let (Some(name), Some(lookup)) = (&section.through, &scope.lookup) else { return Ok(None) };
        let keys = self.system.rollups[lookup.state].by.clone();
        let mut all = true;
        for (key, _) in &section.on {
            if !keys.iter().any(|known| known.name.as_str() == key.value) {
                let known = keys.iter().map(|key| key.name.as_str());
                let message =
                    format!("\"{}\" is no key column of state \"{}\"", key.value, lookup.name);
                let hint = suggest::hint(&key.value, known, "key columns");
                self.report(key.problem(message).hint_if(hint));
                all = false;
            }
        }
        if !all {
            return Err(Reported);
        }
        let mut on = Vec::new();
        for key in keys {
            let given = section.on.iter().find(|(known, _)| known.value == key.name.as_str());
            let column = given.map_or(key.name.as_str(), |(_, column)| column.value.as_str());
            let place = given.map_or(&name.place, |(_, column)| &column.place);
            for read in scope.of.iter().filter(|read| read.state != lookup.state) {
                all &= self.joins(read, column, lookup, &key.type_name, place);
            }
            on.push((key.name.clone(), Ident::new(column)));
        }
        if all { Ok(Some(Through { state: lookup.state, on })) } else { Err(Reported) }
    }

    /// Whether a summed state has the column that finds the lookup, of its type.
    fn joins(
        &mut self,
        read: &Read,
        column: &str,
        lookup: &Read,
        type_name: &str,
        place: &Place,
    ) -> bool {
        let Some(cell) = read.cells.iter().find(|cell| cell.name.as_str() == column) else {
            let message = format!("state \"{}\" has no column \"{column}\"", read.name);
            self.report(place.problem(message).hint(format!(
                "The key of \"{}\" must be among its columns; another name of it is told as \
                 on = {{ key_column = \"column\" }}.",
                lookup.name
            )));
            return false;
        };
        if let Some(found) = &cell.type_name
            && self.types.plain(found) != self.types.plain(type_name)
        {
            let message = format!(
                "\"{column}\" of state \"{}\" is of type {found}, the key of \"{}\" of type \
                 {type_name}",
                read.name, lookup.name
            );
            self.report(place.problem(message));
            return false;
        }
        true
    }

    /// Tenant first, then `by`.
    fn derived_key(
        &mut self,
        section: &DerivedSection,
        scope: &Scope,
    ) -> Result<Vec<DerivedKey>, Reported> {
        let mut key: Vec<DerivedKey> = Vec::new();
        let mut all = true;
        let tenants: Vec<Option<Ident>> =
            scope.reads().map(|read| self.stream_of_state(read.state).tenant.clone()).collect();
        let tenant = tenants.iter().take(scope.of.len()).flatten().next().cloned();
        if tenant.is_some() && tenants.iter().take(scope.of.len()).any(Option::is_none) {
            let problem = section.name.problem("some of the states belong to tenants, some do not");
            self.report(problem.hint("Sum only states whose streams all have the tenant column."));
            all = false;
        }
        key.extend(tenant.map(|name| DerivedKey { name, of_lookup: false }));
        for name in &section.by {
            let has = |read: &Read| read.cells.iter().any(|cell| cell.name.as_str() == name.value);
            let in_lookup = scope.lookup.as_ref().is_some_and(has);
            let lacks = scope.of.iter().find(|read| !has(read));
            let known = key.iter().any(|known| known.name.as_str() == name.value);
            match lacks {
                _ if known => {}
                None => {
                    all &= self.same_type(scope, name);
                    let name = Ident::new(name.value.as_str());
                    key.push(DerivedKey { name, of_lookup: false });
                }
                Some(_) if in_lookup => {
                    let name = Ident::new(name.value.as_str());
                    key.push(DerivedKey { name, of_lookup: true });
                }
                Some(read) => {
                    let cells = read.cells.iter().map(|cell| cell.name.as_str());
                    let hint = suggest::hint(&name.value, cells, "columns");
                    let message =
                        format!("state \"{}\" has no column \"{}\"", read.name, name.value);
                    self.report(name.problem(message).hint_if(hint));
                    all = false;
                }
            }
        }
        if key.is_empty() && all {
            let message = format!("derived rollup \"{}\" has no key", section.name.value);
            self.report(section.name.problem(message).hint("Add by = [\"…\"]."));
            all = false;
        }
        if all { Ok(key) } else { Err(Reported) }
    }

    /// Whether all summed states have the column in one type.
    fn same_type(&mut self, scope: &Scope, name: &At<String>) -> bool {
        let types: Vec<(&str, String)> = scope
            .of
            .iter()
            .filter_map(|read| {
                let cell = read.cells.iter().find(|cell| cell.name.as_str() == name.value)?;
                let type_name = cell.type_name.as_deref()?;
                Some((read.name.as_str(), self.types.plain(type_name)))
            })
            .collect();
        let Some(((state, kind), rest)) = types.split_first() else { return true };
        let Some((other, another)) = rest.iter().find(|(_, another)| another != kind) else {
            return true;
        };
        let message = format!(
            "\"{}\" is of type {kind} in state \"{state}\", of type {another} in state \"{other}\"",
            name.value
        );
        self.report(name.problem(message));
        false
    }

    fn stream_of_state(&self, state: usize) -> &Stream {
        self.system.stream_of(&self.system.rollups[state])
    }

    fn derived_measure(
        &mut self,
        scope: &Scope,
        n: usize,
        section: &AggregateSection,
    ) -> Result<DerivedMeasure, Reported> {
        let AggregateSection { name, text, written } = section;
        let aggregate = text.value.aggregate;
        if !matches!(aggregate, Aggregate::Count | Aggregate::Sum) {
            let message = format!("{aggregate}() of states cannot be kept right");
            self.report(text.problem(message).hint(
                "Only count and sum follow from the difference that a change of a row makes.",
            ));
            return Err(Reported);
        }
        let within = |part: &ExpressionText| {
            let at = text.place.inside(written, part.offset);
            Place { body: text.place.body.map(|_| (at.line, at.column)), ..at }
        };
        let Some(argument) = &text.value.argument else {
            self.report(text.problem("count(*) does not say of which state").hint(format!(
                "Write count({}).",
                scope.of.first().map_or("state", |read| read.name.as_str())
            )));
            return Err(Reported);
        };
        let mut reads = Vec::new();
        let rows = scope.of.iter().find(|read| {
            argument.plain_column.as_deref() == Some(read.name.as_str())
                && argument.columns.first().is_some_and(|column| column.row.is_none())
        });
        let kind = match rows {
            Some(_) if aggregate == Aggregate::Count => DerivedKind::Rows,
            _ => {
                let want = if aggregate == Aggregate::Sum { Want::Number } else { Want::Anything };
                let what = format!("{aggregate}()");
                let slot = (Slot::Argument(n), want, what.as_str());
                let expr =
                    self.derived_expr(scope, slot, argument, &within(argument), &mut reads)?;
                if aggregate == Aggregate::Sum {
                    DerivedKind::Sum(expr)
                } else {
                    DerivedKind::Count(expr)
                }
            }
        };
        let filter = text.value.filter.as_ref().map(|filter| {
            let slot = (Slot::MeasureFilter(n), Want::Condition, "filter");
            self.derived_expr(scope, slot, filter, &within(filter), &mut reads)
        });
        let filter = filter.transpose()?;
        let of = self.measured(scope, rows, &reads, text)?;
        Ok(DerivedMeasure { name: Ident::new(name.value.as_str()), of, kind, filter, reads })
    }

    /// The one summed state that a measure speaks of.
    fn measured<T>(
        &mut self,
        scope: &Scope,
        rows: Option<&Read>,
        reads: &[(usize, Ident)],
        text: &At<T>,
    ) -> Result<usize, Reported> {
        let lookup = scope.lookup.as_ref().map(|read| read.state);
        let mut spoken: Vec<usize> = rows.map(|read| read.state).into_iter().collect();
        for (state, _) in reads {
            if scope.is_of(*state) && !spoken.contains(state) {
                spoken.push(*state);
            }
        }
        // The lookup may be one of the states; beside another it is the lookup.
        if let (true, Some(lookup)) = (spoken.len() > 1, lookup) {
            spoken.retain(|state| *state != lookup);
        }
        if let [state] = spoken[..] {
            return Ok(state);
        }
        let problem = if spoken.is_empty() {
            text.problem("the measure speaks of none of the states that are summed")
        } else {
            text.problem("a measure speaks of one state, and of the lookup")
        };
        let names: Vec<&str> = scope.of.iter().map(|read| read.name.as_str()).collect();
        self.report(problem.hint(format!("The states are {}.", names.join(", "))));
        Err(Reported)
    }

    /// An expression over the rows of states, with its columns named as `state.column`.
    fn derived_expr(
        &mut self,
        scope: &Scope,
        (slot, want, what): (Slot, Want, &str),
        text: &ExpressionText,
        place: &Place,
        reads: &mut Vec<(usize, Ident)>,
    ) -> Result<crate::model::Expr, Reported> {
        let mut all = true;
        let mut plain = None;
        for used in &text.columns {
            let at = place.inside(&text.text, used.range.start);
            let Some(row) = &used.row else {
                let holder = scope
                    .reads()
                    .find(|read| read.cells.iter().any(|cell| cell.name.as_str() == used.name));
                let state = holder.map_or("state", |read| read.name.as_str());
                let message = format!("\"{}\" does not say of which state it is", used.name);
                self.report(at.problem(message).hint(format!("Write {state}.{}.", used.name)));
                all = false;
                continue;
            };
            let Some(read) = scope.reads().find(|read| read.name == *row) else {
                let known = scope.reads().map(|read| read.name.as_str());
                let hint = suggest::hint(row, known, "states here");
                let message = format!("\"{row}\" is none of the states that are read here");
                self.report(at.problem(message).hint_if(hint));
                all = false;
                continue;
            };
            let Some(cell) = read.cells.iter().find(|cell| cell.name.as_str() == used.name) else {
                let known = read.cells.iter().map(|cell| cell.name.as_str());
                let hint = suggest::hint(&used.name, known, "columns");
                let message = format!("state \"{row}\" has no column \"{}\"", used.name);
                self.report(at.problem(message).hint_if(hint));
                all = false;
                continue;
            };
            let column = (read.state, cell.name.clone());
            if !reads.contains(&column) {
                reads.push(column);
            }
            plain = text.plain_column.as_ref().map(|_| cell);
        }
        if !all {
            return Err(Reported);
        }
        let asked = Asked {
            owner: Some(Owner::Derived(scope.index)),
            slot,
            want,
            what: what.to_owned(),
            text: text.text.clone(),
            place: place.clone(),
        };
        let rows = || {
            let rows =
                scope.reads().map(|read| row::row(&Ident::new(read.name.as_str()), &read.cells));
            rows.collect::<Vec<_>>().join(", ")
        };
        self.typed(text, plain, asked, rows)
    }

    /// The measures that are computed from the others of the row.
    fn derived_computed(
        &mut self,
        section: &DerivedSection,
        scope: &Scope,
        by: &[DerivedKey],
        measures: &[DerivedMeasure],
    ) -> Result<Vec<Computed>, Reported> {
        let mut cells: Vec<Cell> = by
            .iter()
            .filter_map(|key| {
                let mut reads = scope.lookup.iter().filter(|_| key.of_lookup).chain(&scope.of);
                reads.next()?.cells.iter().find(|cell| cell.name == key.name).cloned()
            })
            .collect();
        for measure in measures {
            let type_name = match &measure.kind {
                DerivedKind::Sum(x)
                    if !["smallint", "integer"]
                        .contains(&self.types.plain(&x.type_name).as_str()) =>
                {
                    "numeric"
                }
                _ => "bigint",
            };
            cells.push(Cell::typed(measure.name.clone(), type_name));
        }
        let rows = row::row(&Ident::new("r"), &cells);
        let mut out = Vec::new();
        for (n, computed) in section.computed.iter().enumerate() {
            let (text, place) = (&computed.text.value, &computed.text.place);
            if self.computed_twice(&section.computed, computed) {
                return Err(Reported);
            }
            for used in &text.columns {
                let known = || cells.iter().map(|cell| cell.name.as_str());
                if used.row.is_some() || !known().any(|name| name == used.name) {
                    let at = place.inside(&text.text, used.range.start);
                    let message = format!("the rollup stores no column \"{}\"", used.name);
                    let hint = suggest::hint(&used.name, known(), "columns");
                    self.report(at.problem(message).hint_if(hint));
                    return Err(Reported);
                }
            }
            let asked = Asked {
                owner: Some(Owner::Derived(scope.index)),
                slot: Slot::Computed(n),
                want: Want::Anything,
                what: format!("measure \"{}\"", computed.name.value),
                text: text.text.clone(),
                place: place.clone(),
            };
            let plain = text.plain_column.as_deref();
            let plain = cells.iter().find(|cell| Some(cell.name.as_str()) == plain);
            let expr = self.typed(text, plain, asked, || rows.clone())?;
            out.push(Computed { name: Ident::new(computed.name.value.as_str()), expr });
        }
        Ok(out)
    }

    fn derived_collisions(&mut self, section: &DerivedSection, by: &[DerivedKey]) {
        let mut taken: Vec<(String, String)> = by
            .iter()
            .map(|key| (key.name.as_str().to_owned(), "a key column".to_owned()))
            .collect();
        taken.push((Derived::ROWS.to_owned(), "the number of rows behind it".to_owned()));
        let names = section.measures.iter().map(|measure| &measure.name);
        for name in names.chain(section.computed.iter().map(|computed| &computed.name)) {
            let owner = format!("measure \"{}\"", name.value);
            self.take(&mut taken, name.value.clone(), owner, &name.place);
        }
    }

    /// The key columns of a derived rollup with those types that are known.
    pub(super) fn key_types(&self, derived: &Derived) -> Vec<(Ident, String)> {
        let lookup = derived.through.as_ref().map(|through| through.state);
        let type_of = |key: &DerivedKey| {
            let state = lookup.filter(|_| key.of_lookup).or(derived.of.first().copied())?;
            let rollup = &self.system.rollups[state];
            let stream = self.system.stream_of(rollup);
            let mut cells = row::stored_cells(&self.types, stream, rollup).into_iter();
            cells.find(|cell| cell.name == key.name)?.type_name
        };
        let typed = |key: &DerivedKey| Some((key.name.clone(), type_of(key)?));
        derived.by.iter().filter_map(typed).collect()
    }

    /// Lets the states that `derived` reads keep what it needs of their old rows.
    fn watch(&mut self, derived: &Derived) {
        let lookup = derived.through.as_ref().map(|through| through.state);
        let of_states = derived.by.iter().filter(|key| !key.of_lookup).map(|key| &key.name);
        let found_by = derived.through.iter().flat_map(|through| &through.on);
        let mut plain: Vec<(usize, Ident)> = Vec::new();
        for state in &derived.of {
            plain.extend(of_states.clone().map(|name| (*state, name.clone())));
            if lookup != Some(*state) {
                plain.extend(found_by.clone().map(|(_, column)| (*state, column.clone())));
            }
        }
        if let Some(lookup) = lookup {
            let keys = derived.by.iter().filter(|key| key.of_lookup);
            plain.extend(keys.map(|key| (lookup, key.name.clone())));
        }
        for state in derived.of.iter().copied().chain(lookup) {
            self.system.rollups[state].watched.get_or_insert_default();
        }
        for measure in &derived.measures {
            // What speaks of one state alone matters as a whole; else each column does.
            let alone = measure.reads.iter().all(|(state, _)| *state == measure.of);
            for (state, column) in &measure.reads {
                self.watch_column(*state, column);
            }
            match effect(measure) {
                Some(effect) if alone => self.watch_effect(measure.of, effect),
                _ => plain.extend(measure.reads.iter().filter(|_| !alone).cloned()),
            }
        }
        for (state, column) in plain {
            if self.watch_column(state, &column) {
                let row = Ident::new(self.system.rollups[state].name.as_str());
                self.watch_effect(state, format!("{row}.{column}"));
            }
        }
    }

    /// Whether it is no key column, which never changes.
    fn watch_column(&mut self, state: usize, column: &Ident) -> bool {
        let Rollup { by, watched, .. } = &mut self.system.rollups[state];
        if by.iter().any(|key| key.name == *column) {
            return false;
        }
        let columns = &mut watched.get_or_insert_default().columns;
        if !columns.contains(column) {
            columns.push(column.clone());
        }
        true
    }

    fn watch_effect(&mut self, state: usize, effect: String) {
        let effects = &mut self.system.rollups[state].watched.get_or_insert_default().effects;
        if !effects.contains(&effect) {
            effects.push(effect);
        }
    }
}

/// What a measure takes of a row; `None`: every row counts one.
fn effect(measure: &DerivedMeasure) -> Option<String> {
    let argument = match &measure.kind {
        DerivedKind::Rows => None,
        DerivedKind::Count(x) => Some(format!("({}) is not null", x.text)),
        DerivedKind::Sum(x) => Some(format!("({})", x.text)),
    };
    let filter = measure.filter.as_ref().map(|filter| format!("({})", filter.text));
    match (filter, argument) {
        (Some(filter), Some(argument)) => Some(format!("case when {filter} then {argument} end")),
        (filter, argument) => filter.or(argument),
    }
}
