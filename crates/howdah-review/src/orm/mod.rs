//! What an application believes of its database: the tables, columns, indexes and relations that
//! its ORM is told of.
//!
//! Each ORM has a module that reads its files without running them, from a row of tokens that is
//! the same for all. What a module does not know it leaves out, so that nothing is compared that
//! was not read: a model is a lower bound of what the application needs.

mod diesel;
mod drizzle;
mod prisma;
mod sqlalchemy;
mod tokens;

use std::collections::BTreeMap;
use std::ops::Range;

use howdah_catalog::{Catalog, Column, Relation, RelationKind};
use howdah_sql::Lines;

use crate::finding::{Place, Subject};
use crate::migrations::parent;
use crate::source::{Language, SourceFile};

/// The ORM that a model is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Orm {
    /// Prisma, `schema.prisma`.
    Prisma,
    /// Drizzle, TypeScript.
    Drizzle,
    /// diesel, `schema.rs`.
    Diesel,
    /// SQLAlchemy, Python.
    Sqlalchemy,
}

impl Orm {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Prisma => "Prisma",
            Self::Drizzle => "Drizzle",
            Self::Diesel => "diesel",
            Self::Sqlalchemy => "SQLAlchemy",
        }
    }
}

/// A table as an application knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// Who says so.
    pub orm: Orm,
    /// Where it is written.
    pub place: Place,
    /// The schema, when it is said.
    pub schema: Option<String>,
    /// The table.
    pub table: String,
    /// Its columns.
    pub columns: Vec<ModelColumn>,
    /// Its indexes, each by its columns; a unique constraint is one too.
    pub indexes: Vec<ModelIndex>,
    /// The tables that its columns refer to.
    pub relations: Vec<ModelRelation>,
}

/// A column as an application knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelColumn {
    /// Its name in the database.
    pub name: String,
    /// Where it is written.
    pub place: Place,
    /// The types that the application can read, as `pg_type.typname` names them; empty when that is
    /// not known.
    pub types: Vec<&'static str>,
    /// Whether it takes it for one that may be null; `None` when that is not known.
    pub nullable: Option<bool>,
}

/// An index as an application knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelIndex {
    /// Its columns, in order.
    pub columns: Vec<String>,
    /// No two rows have the same values.
    pub unique: bool,
}

/// A reference to another table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelRelation {
    /// The columns that refer.
    pub columns: Vec<String>,
    /// The table that they refer to.
    pub table: String,
}

/// Whether a file is a model and not source of one of the languages.
#[must_use]
pub fn is_schema(path: &str) -> bool {
    path.ends_with(".prisma")
}

/// The models of files that are no source, by their path and text.
#[must_use]
pub fn of_schemas<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<Model> {
    let files = files.filter(|(path, _)| is_schema(path));
    let sources: Vec<_> = files.map(|(path, text)| Source::new(path, text)).collect();
    prisma::read(&sources)
}

/// The models of files of source.
#[must_use]
pub fn of_sources(files: &[SourceFile]) -> Vec<Model> {
    let mut models = Vec::new();
    let mut drizzle = Vec::new();
    for file in files {
        let source = Source::new(&file.path, &file.text);
        match file.language {
            Language::Rust if file.text.contains("table!") => models.extend(diesel::read(&source)),
            Language::Python if file.text.contains("sqlalchemy") => {
                models.extend(sqlalchemy::read(&source));
            }
            Language::TypeScript if file.text.contains("drizzle-orm/pg-core") => {
                drizzle.push(source);
            }
            _ => {}
        }
    }
    models.extend(drizzle::read(&drizzle));
    models
}

/// So many tables may have been forgotten, however few there are besides.
const FORGOTTEN: usize = 2;

/// How many tables of some models are there, and how many models there are.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    there: usize,
    all: usize,
}

impl Share {
    fn is_foreign(self) -> bool {
        self.there * 2 < self.all && self.all > FORGOTTEN
    }
}

/// Takes out the models of other databases: those of an ORM, or of its folder, of which most tables
/// are not there. Tells of which folder and ORM they are, and how many.
pub(crate) fn take_foreign(
    models: &mut Vec<Model>,
    catalog: &Catalog,
) -> BTreeMap<(String, Orm), usize> {
    let folder = |model: &Model| parent(&model.place.path).to_owned();
    let mut orms: BTreeMap<Orm, Share> = BTreeMap::new();
    let mut folders: BTreeMap<(String, Orm), Share> = BTreeMap::new();
    for model in models.iter() {
        let there = usize::from(model.relation(catalog).is_some());
        let shares = [
            orms.entry(model.orm).or_default(),
            folders.entry((folder(model), model.orm)).or_default(),
        ];
        for share in shares {
            *share = Share { there: share.there + there, all: share.all + 1 };
        }
    }
    folders.retain(|(_, orm), share| share.is_foreign() || orms[orm].is_foreign());
    models.retain(|model| !folders.contains_key(&(folder(model), model.orm)));
    folders.into_iter().map(|(group, share)| (group, share.all)).collect()
}

/// A file that is read.
struct Source<'a> {
    path: &'a str,
    text: &'a str,
    lines: Lines<'a>,
}

impl<'a> Source<'a> {
    fn new(path: &'a str, text: &'a str) -> Self {
        Self { path, text, lines: Lines::new(text) }
    }

    fn place(&self, span: Range<usize>) -> Place {
        let position = self.lines.position(span.start);
        Place { path: self.path.to_owned(), span, position }
    }
}

impl Model {
    fn new(orm: Orm, place: Place, table: impl Into<String>) -> Self {
        Self {
            orm,
            place,
            schema: None,
            table: table.into(),
            columns: Vec::new(),
            indexes: Vec::new(),
            relations: Vec::new(),
        }
    }

    /// The table's name with the schema that is said.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{schema}.{}", self.table),
            None => self.table.clone(),
        }
    }

    /// What a finding about it is about.
    #[must_use]
    pub fn subject(&self, part: Option<&str>) -> Subject {
        let name = self.name();
        let name = part.map_or_else(|| name.clone(), |part| format!("{name}.{part}"));
        Subject::Named("model", format!("{}: {name}", self.place.path))
    }

    /// The table or view of the database; one of the schema "public" where several have the name.
    #[must_use]
    pub fn relation<'c>(&self, catalog: &'c Catalog) -> Option<&'c Relation> {
        let of_name = |relation: &&Relation| {
            let schema = self.schema.as_deref();
            relation.name.name.as_str() == self.table
                && schema.is_none_or(|schema| relation.name.schema.as_str() == schema)
        };
        let found = || catalog.relations.values().filter(of_name);
        found()
            .find(|relation| relation.name.schema.as_str() == "public")
            .or_else(|| found().next())
    }

    /// The same, when it is a table: what views do not have cannot be missing.
    #[must_use]
    pub fn table<'c>(&self, catalog: &'c Catalog) -> Option<&'c Relation> {
        let is_table = |relation: &&Relation| {
            matches!(relation.kind, RelationKind::Table | RelationKind::PartitionedTable)
        };
        self.relation(catalog).filter(is_table)
    }
}

impl ModelColumn {
    /// Whether the application can read what the column has; types that users made are not told.
    #[must_use]
    pub fn reads(&self, column: &Column) -> bool {
        self.types.is_empty()
            || column.type_schema.as_str() != "pg_catalog"
            || self.types.contains(&column.type_base.as_str())
    }
}

#[cfg(test)]
mod tests;
