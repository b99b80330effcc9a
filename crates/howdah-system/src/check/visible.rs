//! Who sees which rows: `[tables.NAME]` against the database, and what rollups take over from their
//! stream.

use howdah_catalog::{Ident, RelName};
use howdah_sql::expression::ExpressionText;

use super::measure::{Asked, Slot, Want};
use super::row::{self, Cell};
use super::{Check, ExprQuestion};
use crate::file::{At, SightSection, TableSection};
use crate::model::{MeasureKind, Rollup, Sight, System, Visible};

/// The word that stands for the session's tenant in a predicate.
const ME: &str = "me";

/// What `[tables.NAME]` names: tables with the same columns to speak of.
struct Named {
    /// For messages: `table "calls"`, `rollup "daily"`.
    what: String,
    tables: Vec<RelName>,
    columns: Vec<(Ident, String)>,
}

impl Check<'_> {
    pub(super) fn visible(&mut self) {
        let file = self.file;
        for section in &file.tables {
            let (Some(named), Some(sight)) = (self.named(section), &section.sight) else {
                continue;
            };
            let Some(any_of) = self.sights(&named, sight) else { continue };
            let Some(tenants) = &mut self.system.tenants else { return };
            for table in named.tables {
                tenants.visible.push(Visible { table, any_of: any_of.clone() });
            }
        }
        self.inherit();
    }

    /// A rollup by its name or that of one of its tables, else a table of the database.
    fn named(&mut self, section: &TableSection) -> Option<Named> {
        let name = section.name.value.as_str();
        let level = |rollup: &Rollup| {
            rollup.levels.iter().find(|level| level.table.name.as_str() == name).cloned()
        };
        let of_spans = self.system.span_rollups.iter().map(|spans| &spans.rollup);
        let mut rollups = self.system.rollups.iter().chain(of_spans);
        if let Some(rollup) = rollups.find(|rollup| rollup.name == name || level(rollup).is_some())
        {
            let tables = match level(rollup) {
                Some(level) => vec![level.table],
                None => rollup.levels.iter().map(|level| level.table.clone()).collect(),
            };
            let columns = rollup_columns(rollup);
            return Some(Named { what: format!("rollup \"{}\"", rollup.name), tables, columns });
        }
        if let Some(derived) = self.system.derived.iter().find(|derived| derived.name == name) {
            return Some(Named {
                what: format!("rollup \"{name}\""),
                tables: vec![derived.table.clone()],
                columns: self.key_types(derived),
            });
        }
        // A rollup with mistakes of its own, which are told already.
        let derived = &self.file.derived;
        if derived.iter().any(|rollup| rollup.name.value == name) {
            return None;
        }
        let of_spans = self.file.span_rollups.iter().map(|spans| &spans.rollup);
        if self.file.rollups.iter().chain(of_spans).any(|rollup| rollup.name.value == name) {
            return None;
        }
        let relation = self.table(&section.name)?;
        let columns = relation.columns.iter();
        Some(Named {
            what: format!("table \"{}\"", relation.name.plain()),
            tables: vec![relation.name.clone()],
            columns: columns
                .map(|column| (column.name.clone(), column.type_name.clone()))
                .collect(),
        })
    }

    fn sights(&mut self, named: &Named, sight: &SightSection) -> Option<Vec<Sight>> {
        match sight {
            SightSection::Owners(owners) => {
                owners.iter().map(|owner| self.owner(named, owner)).collect()
            }
            SightSection::Predicate(text) if text.value.text.eq_ignore_ascii_case("false") => {
                Some(Vec::new())
            }
            SightSection::Predicate(text) => Some(vec![self.predicate(named, text)?]),
        }
    }

    /// The rows whose column holds the tenant. The tenant is cast, not the column, so that an index
    /// on the column serves.
    fn owner(&mut self, named: &Named, owner: &At<String>) -> Option<Sight> {
        let found = named.columns.iter().find(|(column, _)| column.as_str() == owner.value);
        let Some((column, type_name)) = found else {
            self.no_named_column(named, &owner.value, &owner.place);
            return None;
        };
        Some(Sight {
            sql: format!("{column} = (select howdah.tenant()::{type_name})"),
            columns: vec![column.clone()],
            asks_tenant: true,
        })
    }

    fn predicate(&mut self, named: &Named, text: &At<ExpressionText>) -> Option<Sight> {
        let tenant_type = self.system.tenants.as_ref()?.type_name.clone();
        if named.columns.iter().any(|(column, _)| column.as_str() == ME) {
            let message =
                format!("{} has a column \"{ME}\", which means the tenant here", named.what);
            self.report(text.place.problem(message).hint("Rename the column."));
            return None;
        }
        let known = |name: &str| named.columns.iter().any(|(column, _)| column.as_str() == name);
        let mut sql = String::new();
        let mut written = 0;
        let mut all = true;
        for used in &text.value.columns {
            if used.name == ME {
                sql.push_str(&text.value.text[written..used.range.start]);
                sql.push_str(&format!("(select howdah.tenant()::{tenant_type})"));
                written = used.range.end;
            } else if !known(&used.name) {
                let at = text.place.inside(&text.value.text, used.range.start);
                self.no_named_column(named, &used.name, &at);
                all = false;
            }
        }
        sql.push_str(&text.value.text[written..]);
        if !all {
            return None;
        }
        let columns = named.columns.iter().cloned().chain([(Ident::new(ME), tenant_type)]);
        let cells: Vec<Cell> = columns.map(|(name, kind)| Cell::typed(name, kind)).collect();
        self.questions.push(ExprQuestion {
            rows: row::row(&Ident::new("r"), &cells),
            text: text.value.text.clone(),
            want_boolean: true,
        });
        self.asked.push(Asked {
            owner: None,
            slot: Slot::Check,
            want: Want::Condition,
            what: "visible_to".to_owned(),
            text: text.value.text.clone(),
            place: text.place.clone(),
        });
        let named = text.value.column_names().into_iter();
        Some(Sight {
            sql,
            asks_tenant: written > 0,
            columns: named.filter(|name| *name != ME).map(Ident::new).collect(),
        })
    }

    fn no_named_column(&mut self, named: &Named, name: &str, place: &crate::problem::Place) {
        let columns = named.columns.iter().map(|(column, _)| column.as_str());
        let hint = crate::suggest::hint(name, columns, "columns");
        self.report(
            place.problem(format!("{} has no column \"{name}\"", named.what)).hint_if(hint),
        );
    }

    /// What is made of rows that are not everybody's shows a row to those who see all that is in
    /// it: by conditions whose columns are all part of its key.
    fn inherit(&mut self) {
        let Some(tenants) = &self.system.tenants else { return };
        let mut known = tenants.visible.clone();
        let mut problems = Vec::new();
        for made in self.made() {
            let of = |table: &RelName| known.iter().find(|known| known.table == *table);
            let mut sources = made.of.iter().filter_map(of);
            let Some(first) = sources.next() else { continue };
            let others: Vec<&Visible> = sources.collect();
            let holds = |sight: &&Sight| {
                sight.columns.iter().all(|column| made.key.contains(column))
                    && others.iter().all(|other| other.any_of.contains(sight))
            };
            let any_of: Vec<Sight> = first.any_of.iter().filter(holds).cloned().collect();
            let hidden = first.any_of.is_empty() || others.iter().any(|it| it.any_of.is_empty());
            let open: Vec<RelName> =
                made.tables.into_iter().filter(|table| of(table).is_none()).collect();
            if let (Some(table), true, false) = (open.first(), any_of.is_empty(), hidden) {
                let message = format!(
                    "nobody can tell who may see \"{}\": its key has no owner of events",
                    table.plain()
                );
                problems.push(made.name.problem(message).hint(format!(
                    "Add [tables.{}] with visible_to; \"false\" hides it from all tenants.",
                    made.name.value
                )));
            }
            known.extend(open.into_iter().map(|table| Visible { table, any_of: any_of.clone() }));
        }
        self.problems.extend(problems);
        self.keep_sights_plain(&known);
        if let Some(tenants) = &mut self.system.tenants {
            tenants.visible = known;
        }
    }

    /// A segment holds rows that the same tenants see: what tells who they are stays plain in it.
    fn keep_sights_plain(&mut self, visible: &[Visible]) {
        for stream in &mut self.system.streams {
            let Some(segment) = &mut stream.segment else { continue };
            let own = visible.iter().filter(|it| it.table == stream.table);
            for column in own.flat_map(|it| &it.any_of).flat_map(|sight| &sight.columns) {
                if !segment.by.contains(column) && stream.tenant.as_ref() != Some(column) {
                    segment.by.push(column.clone());
                }
            }
        }
    }

    /// Rollups and what is derived from them, each after what it is made of.
    fn made(&self) -> Vec<Made> {
        let System { rollups, derived, .. } = &self.system;
        let mut made = Vec::new();
        let of_spans = self.system.span_rollups.iter().map(|spans| &spans.rollup);
        for rollup in rollups.iter().chain(of_spans) {
            let of_spans = self.file.span_rollups.iter().map(|spans| &spans.rollup);
            let mut sections = self.file.rollups.iter().chain(of_spans);
            let section = sections.find(|it| it.name.value == rollup.name);
            made.extend(section.map(|section| Made {
                name: section.name.clone(),
                tables: rollup.levels.iter().map(|level| level.table.clone()).collect(),
                key: rollup.by.iter().map(|key| key.name.clone()).collect(),
                of: vec![self.system.stream_of(rollup).table.clone()],
            }));
        }
        for derived in derived {
            let section = self.file.derived.iter().find(|it| it.name.value == derived.name);
            let states = derived.of.iter().chain(derived.through.iter().map(|it| &it.state));
            let own = derived.by.iter().filter(|key| !key.of_lookup);
            made.extend(section.map(|section| Made {
                name: section.name.clone(),
                tables: vec![derived.table.clone()],
                key: own.map(|key| key.name.clone()).collect(),
                of: states.map(|state| rollups[*state].levels[0].table.clone()).collect(),
            }));
        }
        made
    }
}

/// Tables that are made of others.
struct Made {
    /// Where it stands in the file.
    name: At<String>,
    tables: Vec<RelName>,
    /// The key, as far as it comes from the rows themselves.
    key: Vec<Ident>,
    of: Vec<RelName>,
}

/// The columns of a rollup that may say who sees a row: the key, and values taken as they are from
/// one column of the events (the type of others only the server knows).
fn rollup_columns(rollup: &Rollup) -> Vec<(Ident, String)> {
    let keys = rollup.by.iter().map(|key| (key.name.clone(), key.type_name.clone()));
    let taken = rollup.measures.iter().filter_map(|measure| match &measure.kind {
        MeasureKind::Min(expr)
        | MeasureKind::Max(expr)
        | MeasureKind::First(expr)
        | MeasureKind::Last(expr)
            if !expr.type_name.is_empty() =>
        {
            Some((measure.name.clone(), expr.type_name.clone()))
        }
        _ => None,
    });
    keys.chain(taken).collect()
}
