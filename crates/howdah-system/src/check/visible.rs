//! Who sees which rows: `[tables.NAME]` against the database, and what rollups take over from their
//! stream.

use howdah_catalog::{Ident, RelName};
use howdah_sql::expression::ExpressionText;

use super::measure::{Asked, Slot, Want};
use super::row::{self, Cell};
use super::{Check, ExprQuestion};
use crate::file::{At, SightSection, TableSection};
use crate::model::{MeasureKind, Rollup, Sight, Visible};

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
        let mut rollups = self.system.rollups.iter();
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
        if self.file.rollups.iter().any(|rollup| rollup.name.value == name) {
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

    /// A rollup of a stream that declares who sees its rows shows a row to those who see every
    /// event in it: conditions over columns that are all part of the rollup's key.
    fn inherit(&mut self) {
        let Some(tenants) = &self.system.tenants else { return };
        let declared = |table: &RelName| tenants.visible.iter().find(|known| known.table == *table);
        let mut taken = Vec::new();
        let mut problems = Vec::new();
        for rollup in &self.system.rollups {
            let Some(stream) = declared(&self.system.stream_of(rollup).table) else { continue };
            let constant = |column: &Ident| rollup.by.iter().any(|key| key.name == *column);
            let any_of: Vec<Sight> = stream
                .any_of
                .iter()
                .filter(|sight| sight.columns.iter().all(constant))
                .cloned()
                .collect();
            let lost = any_of.is_empty() && !stream.any_of.is_empty();
            for level in &rollup.levels {
                if declared(&level.table).is_some() {
                    continue;
                }
                if lost {
                    let section = self.file.rollups.iter().find(|it| it.name.value == rollup.name);
                    problems.extend(section.map(|section| {
                        let message = format!(
                            "nobody can tell who may see \"{}\": its key has no owner of events",
                            level.table.plain()
                        );
                        section.name.problem(message).hint(format!(
                            "Add [tables.{}] with visible_to; \"false\" hides it from all tenants.",
                            rollup.name
                        ))
                    }));
                }
                taken.push(Visible { table: level.table.clone(), any_of: any_of.clone() });
            }
        }
        self.problems.extend(problems);
        if let Some(tenants) = &mut self.system.tenants {
            tenants.visible.extend(taken);
        }
        self.inherit_from_states();
    }

    /// A derived rollup shows a row to those who see every row of the states behind it.
    fn inherit_from_states(&mut self) {
        let Some(tenants) = &self.system.tenants else { return };
        let declared = |table: &RelName| tenants.visible.iter().find(|known| known.table == *table);
        let (mut taken, mut problems) = (Vec::new(), Vec::new());
        for derived in &self.system.derived {
            let lookup = derived.through.as_ref().map(|through| through.state);
            let states = derived.of.iter().copied().chain(lookup);
            let tables = states.map(|state| &self.system.rollups[state].levels[0].table);
            let mut restricted = tables.filter_map(declared);
            let Some(first) = restricted.next() else { continue };
            if declared(&derived.table).is_some() {
                continue;
            }
            let constant = |column: &Ident| derived.by.iter().any(|key| key.name == *column);
            let mut any_of: Vec<Sight> = first.any_of.clone();
            any_of.retain(|sight| sight.columns.iter().all(constant));
            for other in restricted {
                any_of.retain(|sight| other.any_of.contains(sight));
            }
            if any_of.is_empty() && !first.any_of.is_empty() {
                let section = self.file.derived.iter().find(|it| it.name.value == derived.name);
                problems.extend(section.map(|section| {
                    let message = format!(
                        "nobody can tell who may see \"{}\": its key has no owner of events",
                        derived.table.plain()
                    );
                    section.name.problem(message).hint(format!(
                        "Add [tables.{}] with visible_to; \"false\" hides it from all tenants.",
                        derived.name
                    ))
                }));
            }
            taken.push(Visible { table: derived.table.clone(), any_of });
        }
        self.problems.extend(problems);
        if let Some(tenants) = &mut self.system.tenants {
            tenants.visible.extend(taken);
        }
    }
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
