//! The system file held against a database: do the tables and columns exist, do the types fit, is
//! what is asked for possible.
//!
//! Types of expressions are known only to the server. So checking gives a [`Draft`] with questions;
//! the caller asks the server and hands the answers to [`Draft::finish`]. No question: the draft is
//! finished with no answers.

mod correction;
mod derived;
mod measure;
mod rollup;
mod row;
mod source;
mod span;
mod stream;
mod types;
mod visible;

use howdah_catalog::{Catalog, Ident, RelName, Relation, RelationKind};

use crate::file::{At, KeepBySection, SystemFile};
use crate::model::{KeepBy, Roles, System, TenantKeep, Tenants};
use crate::problem::{self, Place, Problem};
use crate::suggest;

use measure::Asked;
use types::Types;

/// An expression whose type only the server knows.
///
/// It is asked over rows of nulls, so that no table need exist:
/// `select pg_typeof(TEXT) from (select null::T1 as C1, …) r`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExprQuestion {
    /// The rows, as the items of a `from` clause.
    pub rows: String,
    /// The expression as written.
    pub text: String,
    /// Whether it must be boolean.
    pub want_boolean: bool,
}

/// The server does not take an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExprProblem {
    /// What the server says.
    pub message: String,
    /// Where, in bytes of [`ExprQuestion::text`], when the server says so.
    pub offset: Option<usize>,
}

/// A system that is checked but for the types of its expressions.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Every mistake found so far, those of form included, in the order of the file.
    pub problems: Vec<Problem>,
    /// What to ask the server; the answers go to [`Draft::finish`] in the same order.
    pub questions: Vec<ExprQuestion>,
    system: System,
    asked: Vec<Asked>,
    types: Types,
}

impl Draft {
    /// The system, or every mistake in the order of the file.
    ///
    /// `answers` has one entry per question, in order: the type as `format_type` prints it, or why
    /// the server does not take the expression.
    ///
    /// # Errors
    /// All problems, when there are any.
    pub fn finish(
        mut self,
        answers: Vec<Result<String, ExprProblem>>,
    ) -> Result<System, Vec<Problem>> {
        if answers.len() < self.asked.len() && self.problems.is_empty() {
            let place = Place { line: 1, column: 1, ..Place::default() };
            self.problems.push(place.problem("expressions were not checked by the server"));
        }
        for (asked, answer) in self.asked.iter().zip(answers) {
            match answer {
                Err(problem) => self.problems.push(asked.refused(&problem)),
                Ok(type_name) => {
                    // A bare string constant; every use of it makes it a text.
                    let type_name =
                        if type_name == "unknown" { "text".to_owned() } else { type_name };
                    if let Some(problem) = asked.wrong_type(&self.types, &type_name) {
                        self.problems.push(problem);
                    }
                    asked.set_type(&mut self.system, self.types.base(&type_name));
                }
            }
        }
        if self.problems.is_empty() {
            Ok(self.system)
        } else {
            Err(problem::in_order(self.problems))
        }
    }
}

impl SystemFile {
    /// Holds the file against a database. Mistakes of form found by [`SystemFile::parse`] are among
    /// the draft's problems.
    #[must_use]
    pub fn check(&self, catalog: &Catalog) -> Draft {
        let system = System {
            name: self.name.clone(),
            tenants: None,
            export: self.export.as_ref().map(|export| export.value.clone()),
            roles: Roles {
                writer: Ident::new(self.roles.writer.as_str()),
                reader: Ident::new(self.roles.reader.as_str()),
                auditor: Ident::new(self.roles.auditor.as_str()),
            },
            streams: Vec::new(),
            rollups: Vec::new(),
            derived: Vec::new(),
            spans: Vec::new(),
            span_rollups: Vec::new(),
            reorganisations: Vec::new(),
            sources: Vec::new(),
            ingest: self.ingest,
        };
        let mut check = Check {
            file: self,
            catalog,
            types: Types::of(catalog),
            problems: self.problems.clone(),
            questions: Vec::new(),
            asked: Vec::new(),
            system,
        };
        check.tenants();
        check.streams();
        check.reorganisations();
        check.rollups();
        check.derived();
        check.spans();
        check.sources();
        check.one_http_source();
        check.visible();
        Draft {
            problems: problem::in_order(check.problems),
            questions: check.questions,
            system: check.system,
            asked: check.asked,
            types: check.types,
        }
    }
}

/// The file, the database, and what came of holding one against the other so far.
struct Check<'a> {
    file: &'a SystemFile,
    catalog: &'a Catalog,
    types: Types,
    problems: Vec<Problem>,
    questions: Vec<ExprQuestion>,
    asked: Vec<Asked>,
    system: System,
}

impl<'a> Check<'a> {
    fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// The table of that name, or a problem.
    fn table(&mut self, name: &At<String>) -> Option<&'a Relation> {
        let Some(relation) = self.catalog.resolve(&name.value) else {
            let tables: Vec<String> = self
                .catalog
                .relations
                .values()
                .filter(|relation| is_table(relation) && relation.partition_of.is_none())
                .map(|relation| relation.name.plain())
                .collect();
            let hint = suggest::hint(&name.value, tables.iter().map(String::as_str), "tables")
                .unwrap_or_else(|| "The database has no table; run the migrations.".to_owned());
            let message = format!("table \"{}\" does not exist", name.value);
            self.report(name.problem(message).hint(hint));
            return None;
        };
        if !is_table(relation) {
            let what = match relation.kind {
                RelationKind::View => "a view",
                RelationKind::MaterializedView => "a materialized view",
                RelationKind::ForeignTable => "a foreign table",
                RelationKind::Sequence => "a sequence",
                RelationKind::Table | RelationKind::PartitionedTable | RelationKind::Other(_) => {
                    "something else"
                }
            };
            let message = format!("\"{}\" is {what}, not a table", name.value);
            self.report(name.problem(message));
            return None;
        }
        Some(relation)
    }

    /// Reports that a relation has no such column; what would be right is the nearest.
    fn no_column(&mut self, relation: &Relation, name: &str, place: &Place) {
        let columns = relation.columns.iter().map(|column| column.name.as_str());
        let hint = suggest::hint(name, columns, "columns");
        let table = relation.name.plain();
        let message = format!("table \"{table}\" has no column \"{name}\"");
        self.report(place.problem(message).hint_if(hint));
    }

    fn tenants(&mut self) {
        let Some(section) = &self.file.tenants else {
            if let Some(table) = self.file.tables.iter().find(|table| table.sight.is_some()) {
                let problem = table.name.problem("visibility needs [tenants]");
                self.report(problem.hint("Add [tenants] with the tenant column."));
            }
            return;
        };
        let Some(column) = &section.column else { return };
        let owners: Vec<&Relation> = self
            .catalog
            .relations
            .values()
            .filter(|relation| is_table(relation) && relation.column(&column.value).is_some())
            .collect();
        let Some(type_name) = owners
            .first()
            .and_then(|relation| relation.column(&column.value))
            .map(|column| column.type_name.clone())
        else {
            let message = format!("no table has the tenant column \"{}\"", column.value);
            let names =
                self.catalog.relations.values().flat_map(|relation| {
                    relation.columns.iter().map(|column| column.name.as_str())
                });
            let near = suggest::nearest(&column.value, names);
            let hint = near.map(|near| format!("Did you mean \"{near}\"?"));
            self.report(column.problem(message).hint_if(hint));
            return;
        };
        let table = section.table.as_ref().and_then(|table| self.tenant_table(table, &type_name));
        let by = self.keep_by(&section.keep, "keep = \"retention\" in [tenants]", table.as_ref());
        let hold = section.hold.as_ref();
        let hold = hold.and_then(|hold| self.tenants_column(hold, "boolean", table.as_ref()));
        self.system.tenants = Some(Tenants {
            column: Ident::new(column.value.as_str()),
            type_name,
            table,
            keep: TenantKeep { by, hold },
            visible: Vec::new(),
        });
    }

    /// The table of known tenants and its one key column.
    fn tenant_table(&mut self, name: &At<String>, type_name: &str) -> Option<(RelName, Ident)> {
        let relation = self.table(name)?;
        let key = relation.primary_key().map(|key| key.columns.as_slice()).unwrap_or_default();
        let [key] = key else {
            let message = format!("table \"{}\" has no primary key of one column", name.value);
            self.report(name.problem(message).hint("A tenant is looked up by its key."));
            return None;
        };
        let found = relation.column(key.as_str())?;
        if self.types.plain(&found.type_name) != self.types.plain(type_name) {
            let message = format!(
                "the key of table \"{}\" is of type {}, the tenant column of type {type_name}",
                name.value, found.type_name
            );
            self.report(name.problem(message).hint("Use one type for tenants everywhere."));
            return None;
        }
        Some((relation.name.clone(), key.clone()))
    }

    /// A column of the table of known tenants, of the type `wanted`.
    fn tenants_column(
        &mut self,
        given: &At<String>,
        wanted: &str,
        table: Option<&(RelName, Ident)>,
    ) -> Option<Ident> {
        let Some((table, _)) = table else {
            // A table with mistakes is told already.
            if self.file.tenants.as_ref().is_none_or(|section| section.table.is_none()) {
                let problem = given.problem("the tenants have no table to say it");
                self.report(problem.hint("Add table = \"tenants\" to [tenants]."));
            }
            return None;
        };
        let relation = self.catalog.relation(table)?;
        let Some(column) = relation.column(&given.value) else {
            self.no_column(relation, &given.value, &given.place);
            return None;
        };
        if self.types.plain(&column.type_name) != wanted {
            let message = format!("column \"{}\" is not of type {wanted}", given.value);
            self.report(given.problem(message));
            return None;
        }
        Some(Ident::new(given.value.as_str()))
    }

    /// How long tenants keep their events; `example` names the column where it is missing.
    pub(super) fn keep_by(
        &mut self,
        section: &KeepBySection,
        example: &str,
        table: Option<&(RelName, Ident)>,
    ) -> Option<KeepBy> {
        let (least, most) = (&section.least, &section.most);
        for bound in [least, most].into_iter().flatten().filter(|_| section.column.is_none()) {
            let problem = bound.problem("no tenant says how long its events are kept");
            self.report(problem.hint(format!("Name the column: {example}.")));
        }
        let column = self.tenants_column(section.column.as_ref()?, "interval", table)?;
        let [least, most] = [least, most].map(|it| it.as_ref().map(|it| it.value));
        Some(KeepBy { column, least, most })
    }

    /// The stream that a rollup or source names. A stream that is in the file but has mistakes
    /// gives `None` without a further problem.
    fn stream_named(&mut self, name: &At<String>) -> Option<usize> {
        let built = self.system.streams.iter().position(|stream| stream.name == name.value);
        let known = || self.file.streams.iter().map(|stream| stream.name.value.as_str());
        if built.is_none() && !known().any(|stream| stream == name.value) {
            let hint = suggest::hint(&name.value, known(), "streams");
            let message = format!("stream \"{}\" is not in the file", name.value);
            self.report(name.problem(message).hint_if(hint));
        }
        built
    }
}

fn is_table(relation: &Relation) -> bool {
    matches!(relation.kind, RelationKind::Table | RelationKind::PartitionedTable)
}
