//! Everything that rules may look at, whether it was built from files or read from a live database.

mod makers;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use howdah_catalog::{Catalog, Ident, RelName, Relation, RelationKind};
use howdah_sql::Position;
use howdah_sql::command::{Command, Name, ObjectKind};

use crate::finding::Place;
use crate::health::Health;
use crate::migrations::{Convention, Guess, RawFile};
use crate::orm::Model;
use crate::source::SourceFile;

pub use makers::Makers;

/// What is known of the target.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// What the target is, for people: a folder, or a database by host and name.
    pub target: String,
    /// Whether the catalog is that of a database in use, with rows and statistics, rather than
    /// one that was built from files.
    pub live: bool,
    /// The SQL files, in the order in which they are applied.
    pub files: Vec<SqlFile>,
    /// The statements of all files, in the order in which they are applied.
    pub statements: Vec<Statement>,
    /// Application source that lies beside the migrations.
    pub sources: Vec<SourceFile>,
    /// What the application believes of the database, as its ORM is told.
    pub models: Vec<Model>,
    /// The database as it is, or as the files built it; `None` when nothing was built.
    pub catalog: Option<Catalog>,
    /// Whether the statements were run, so that [`Statement::run`] says what each did.
    pub built: bool,
    /// The tool whose files they are; `None` for a live database.
    pub convention: Option<Convention>,
    /// Whether the files make a database in one go, as scripts without an order do, so that what
    /// one of them makes is empty for all.
    pub at_once: bool,
    /// Drizzle's list of its files.
    pub journal: Option<RawFile>,
    /// What holes of templates were filled with, where nobody said with what.
    pub guesses: Vec<Guess>,
    /// Tables whose updates or deletes are published.
    pub published: Vec<RelName>,
    /// What came of applying files again and of undoing them, where that was tried.
    pub repeated: Vec<Repeated>,
    /// What could not be seen, and why.
    pub unseen: Vec<Unseen>,
    /// The day of the review, `YYYY-MM-DD`.
    pub today: String,
    /// How a database in use is used, beyond its catalog.
    pub usage: Usage,
    /// The full definitions of a live database's functions, with which they are made anew.
    pub function_definitions: Vec<FunctionDefinition>,
    /// What a database in use shows beside its catalog.
    pub in_use: Option<InUse>,
    /// Which statements make what; filled when it is first asked for.
    pub makers: Makers,
}

/// What the counters of a database in use say about it as a whole.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Usage {
    /// Days that its counters have counted, at least.
    pub counted_days: f64,
    /// Standby servers that read from it now; what they read is not in its counters.
    pub standbys: i64,
    /// Sequences that fill a column.
    pub sequences: Vec<SequenceUse>,
}

/// How far a sequence has come that fills a column.
#[derive(Debug, Clone, PartialEq)]
pub struct SequenceUse {
    /// The table.
    pub table: RelName,
    /// The column.
    pub column: String,
    /// The last value that was given out.
    pub last: i64,
    /// The greatest value that both the sequence and the column can hold.
    pub most: i64,
}

/// What came of a second try with a file that was applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Repeated {
    /// The file, as an index of [`Facts::files`].
    pub file: usize,
    /// What was tried.
    pub attempt: Attempt,
    /// What was wrong.
    pub outcome: Outcome,
}

/// What is tried with a file that was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// It is applied a second time.
    Again,
    /// It is undone.
    Undo,
    /// It is applied after it was undone.
    Redo,
}

/// What was wrong with the second try.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// A statement failed: its text and why.
    Failed(String, Failure),
    /// It ran, and the database is not what it should be.
    Differs(Vec<Difference>),
}

/// Something of the database that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What it is, for people: `table public.orders`.
    pub what: String,
    /// How it differs.
    pub how: Differs,
    /// A query that gives a row when it is so.
    pub query: String,
}

/// How something is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Differs {
    /// It is there and should not be.
    Left,
    /// It is there with another definition.
    Changed,
    /// It should be there.
    Gone,
}

/// A function's definition, as `pg_get_functiondef` prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionDefinition {
    /// Schema and name.
    pub name: RelName,
    /// `CREATE OR REPLACE FUNCTION …`.
    pub definition: String,
}

/// What a database in use shows beside its catalog.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InUse {
    /// Age of the oldest transaction id of the database.
    pub xid_age: i64,
    /// `autovacuum_freeze_max_age`.
    pub freeze_max_age: i64,
    /// Databases whose `drop database` was interrupted.
    pub invalid_databases: Vec<String>,
    /// Settings that wait for a restart.
    pub pending_restart: Vec<String>,
    /// `name=value` of settings that are given to this database or to roles.
    pub assigned: Vec<String>,
    /// Values of all settings that a new session gets, in their base unit.
    pub settings: BTreeMap<String, String>,
    /// Memory of the machine in bytes, when the server is on this one.
    pub memory: Option<u64>,
    /// Replication slots: name, whether somebody reads it, bytes of WAL that it holds back.
    pub slots: Vec<(String, bool, i64)>,
    /// Prepared transactions of this database.
    pub prepared: Vec<Prepared>,
    /// Foreign servers and logins whose password is kept in the database.
    pub mappings_with_password: Vec<(String, String)>,
    /// Who makes tables that everybody may use at once, and what everybody may then do.
    pub default_privileges: Vec<(String, String)>,
    /// Materialized views that were never filled.
    pub never_filled: Vec<RelName>,
    /// Statements that were run most; `None` without `pg_stat_statements`.
    pub workload: Option<Vec<WorkloadStatement>>,
    /// What the server holds back and counts.
    pub health: Health,
}

/// A transaction that was prepared and is neither committed nor rolled back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// Its name.
    pub name: String,
    /// Who prepared it.
    pub owner: String,
    /// Seconds since.
    pub seconds: i64,
    /// Transactions that have begun since.
    pub age: i64,
}

/// A statement of `pg_stat_statements`, with constants taken out by the server.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkloadStatement {
    /// The text.
    pub query: String,
    /// How often it was run.
    pub calls: i64,
    /// Rows that it returned or changed, in all.
    pub rows: i64,
    /// Milliseconds, in all.
    pub total_ms: f64,
    /// Its part of the time of all statements of the database, 0 to 1.
    pub share: f64,
    /// Bytes that it wrote to temporary files, in all.
    pub temporary_bytes: i64,
    /// The view that has it, with its schema.
    pub view: String,
}

/// A SQL file.
#[derive(Debug, Clone)]
pub struct SqlFile {
    /// Its path within the target.
    pub path: String,
    /// The whole text.
    pub text: String,
    /// The part that is applied; the rest is what undoes it, or markers of a tool.
    pub up: Range<usize>,
    /// The part that undoes it, when it is in the same file.
    pub down: Option<Range<usize>>,
    /// What undoes it, when that is a file of its own.
    pub undo: Option<RawFile>,
    /// Whether the tool applies it in one transaction.
    pub transactional: bool,
}

/// The number of a statement, in the order of application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StatementId(pub usize);

/// A statement of a file.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Its file, as an index of [`Facts::files`].
    pub file: usize,
    /// Where it is in the file's text, in bytes, without the semicolon.
    pub span: Range<usize>,
    /// Where it begins, for people.
    pub position: Position,
    /// What it commands.
    pub command: Command,
    /// PostgreSQL refuses it within a transaction block.
    pub needs_no_transaction: bool,
    /// What came of it.
    pub run: Run,
}

/// What came of a statement on the scratch server.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Run {
    /// Nothing was built.
    #[default]
    NotBuilt,
    /// It was left out, with the reason.
    LeftOut(&'static str),
    /// It was run.
    Done(Trace),
    /// It was run and failed.
    Failed(Failure),
}

/// What a statement did to the tables that were there before its file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// The locks that it took and held to the end of its transaction.
    pub locks: Vec<(RelName, LockMode)>,
    /// The locks of mode `SHARE` or stronger that statements before it in the same transaction
    /// took, and that are held still.
    pub held: Vec<(RelName, LockMode)>,
    /// Tables that were written anew (a new relfilenode).
    pub rewritten: Vec<RelName>,
    /// Tables that were read from end to end.
    pub scanned: Vec<RelName>,
    /// A role that the statement names and that no statement before made.
    pub missing_role: Option<String>,
}

/// Why a statement failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The SQLSTATE.
    pub sqlstate: String,
    /// The server's message.
    pub message: String,
    /// The server's hint.
    pub hint: Option<String>,
    /// Where in the statement, in bytes, when the server says.
    pub offset: Option<usize>,
    /// The failed statement that would have made what this one misses.
    pub caused_by: Option<StatementId>,
    /// It failed as its tool would run it, and ran when it was tried outside of a transaction.
    pub ran_outside: bool,
}

impl Failure {
    /// What the server says, and nothing beside it.
    pub(crate) fn new(sqlstate: &str, message: &str) -> Self {
        Self {
            sqlstate: sqlstate.to_owned(),
            message: message.to_owned(),
            hint: None,
            offset: None,
            caused_by: None,
            ran_outside: false,
        }
    }
}

/// Modes of table locks, weakest first (PostgreSQL documentation, table 13.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LockMode {
    /// `ACCESS SHARE`: reading.
    AccessShare,
    /// `ROW SHARE`: `select … for update`.
    RowShare,
    /// `ROW EXCLUSIVE`: writing.
    RowExclusive,
    /// `SHARE UPDATE EXCLUSIVE`: vacuum, concurrent index builds, validation.
    ShareUpdateExclusive,
    /// `SHARE`: plain index builds.
    Share,
    /// `SHARE ROW EXCLUSIVE`: triggers, foreign keys.
    ShareRowExclusive,
    /// `EXCLUSIVE`: concurrent refresh.
    Exclusive,
    /// `ACCESS EXCLUSIVE`: most of `alter table`.
    AccessExclusive,
}

impl LockMode {
    /// The mode as `pg_locks` names it.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "AccessShareLock" => Self::AccessShare,
            "RowShareLock" => Self::RowShare,
            "RowExclusiveLock" => Self::RowExclusive,
            "ShareUpdateExclusiveLock" => Self::ShareUpdateExclusive,
            "ShareLock" => Self::Share,
            "ShareRowExclusiveLock" => Self::ShareRowExclusive,
            "ExclusiveLock" => Self::Exclusive,
            "AccessExclusiveLock" => Self::AccessExclusive,
            _ => return None,
        })
    }

    /// The mode as SQL and the documentation name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessShare => "ACCESS SHARE",
            Self::RowShare => "ROW SHARE",
            Self::RowExclusive => "ROW EXCLUSIVE",
            Self::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Self::Share => "SHARE",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Self::Exclusive => "EXCLUSIVE",
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
        }
    }

    /// Whether writers wait for it.
    #[must_use]
    pub fn blocks_writes(self) -> bool {
        self >= Self::Share
    }

    /// Whether readers wait for it.
    #[must_use]
    pub fn blocks_reads(self) -> bool {
        self == Self::AccessExclusive
    }
}

impl fmt::Display for LockMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something that could not be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen {
    /// What: "statistics of statements".
    pub what: String,
    /// Why: a sentence.
    pub why: String,
}

impl Facts {
    /// The tool whose files they are, for people.
    #[must_use]
    pub fn tool(&self) -> Option<&'static str> {
        self.convention.filter(|_| !self.files.is_empty()).map(Convention::tool)
    }

    /// How many statements failed.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.statements.iter().filter(|one| matches!(one.run, Run::Failed(_))).count()
    }

    /// The statements with their numbers.
    pub fn statements(&self) -> impl Iterator<Item = (StatementId, &Statement)> {
        self.statements.iter().enumerate().map(|(n, statement)| (StatementId(n), statement))
    }

    /// Tables, partitioned ones included, without the parts of others.
    pub fn tables(&self) -> impl Iterator<Item = &Relation> {
        self.catalog.iter().flat_map(|catalog| catalog.relations.values()).filter(|table| {
            matches!(table.kind, RelationKind::Table | RelationKind::PartitionedTable)
                && table.partition_of.is_none()
                && table.inherits.is_empty()
        })
    }

    /// A name for something new in the schema that nothing there has: `base_suffix`, or with a
    /// number.
    #[must_use]
    pub fn free_name(&self, schema: &Ident, base: &str, suffix: &str) -> Ident {
        let taken = |name: &Ident| {
            self.catalog.as_ref().is_some_and(|catalog| {
                let mut functions = catalog.functions.iter().map(|function| &function.name);
                let mut relations = catalog.relations.values();
                functions.any(|other| other.schema == *schema && other.name == *name)
                    || relations.any(|other| {
                        other.name.schema == *schema
                            && (other.name.name == *name
                                || other.indexes.iter().any(|index| index.name == *name))
                    })
            })
        };
        let plain = howdah_catalog::name::fitting(base, suffix);
        let numbered =
            (2..).map(|number| howdah_catalog::name::fitting(&format!("{base}_{number}"), suffix));
        std::iter::once(plain)
            .chain(numbered)
            .find(|name| !taken(name))
            .unwrap_or_else(|| Ident::new(suffix))
    }

    /// The statement of that number.
    #[must_use]
    pub fn statement(&self, id: StatementId) -> &Statement {
        &self.statements[id.0]
    }

    /// What undoes the file, wherever it is written.
    #[must_use]
    pub fn undo(&self, file: usize) -> Option<&str> {
        let file = &self.files[file];
        let within = file.down.clone().map(|down| &file.text[down]);
        within.or_else(|| file.undo.as_ref().map(|undo| undo.text.as_str()))
    }

    /// The first statement of the next file that has any; `None` for the last one.
    #[must_use]
    pub fn first_after(&self, file: usize) -> Option<StatementId> {
        self.statements.iter().position(|statement| statement.file > file).map(StatementId)
    }

    /// The statements of the same file that come before `id`, in order.
    pub fn before_in_file(
        &self,
        id: StatementId,
    ) -> impl Iterator<Item = (StatementId, &Statement)> {
        let file = self.statement(id).file;
        let start = self.statements[..id.0].iter().rposition(|other| other.file != file);
        let start = start.map_or(0, |at| at + 1);
        (start..id.0).map(|at| (StatementId(at), &self.statements[at]))
    }

    /// The statements of the same file that come after `id`, in order.
    pub fn after_in_file(
        &self,
        id: StatementId,
    ) -> impl Iterator<Item = (StatementId, &Statement)> {
        let file = self.statement(id).file;
        let rest = self.statements().skip(id.0 + 1);
        rest.take_while(move |(_, other)| other.file == file)
    }

    /// The statement's text.
    #[must_use]
    pub fn text(&self, id: StatementId) -> &str {
        let statement = self.statement(id);
        &self.files[statement.file].text[statement.span.clone()]
    }

    /// The place of a statement.
    #[must_use]
    pub fn place(&self, id: StatementId) -> Place {
        let statement = self.statement(id);
        Place {
            path: self.files[statement.file].path.clone(),
            span: statement.span.clone(),
            position: statement.position,
        }
    }

    /// What was done, where it was run without failing.
    #[must_use]
    pub fn trace(&self, id: StatementId) -> Option<&Trace> {
        match &self.statement(id).run {
            Run::Done(trace) => Some(trace),
            _ => None,
        }
    }

    /// The last statement before `until` (or of all) that makes the object of that kind and name.
    /// A name without a schema fits one in any schema, and the other way round.
    #[must_use]
    pub fn made_by(
        &self,
        kind: ObjectKind,
        name: &Name,
        until: Option<StatementId>,
    ) -> Option<StatementId> {
        let until = until.map_or(self.statements.len(), |id| id.0);
        let makers = self.makers.of(&self.statements).get(name.last())?;
        let earlier = &makers[..makers.partition_point(|id| id.0 < until)];
        earlier.iter().rev().copied().find(|id| {
            let made = self.statement(*id).command.creates();
            made.is_some_and(|(made_kind, made)| {
                made_kind == kind
                    && (made.schema() == name.schema()
                        || made.schema().is_none()
                        || name.schema().is_none())
            })
        })
    }

    /// The statement that makes the relation of that name.
    #[must_use]
    pub fn relation_made_by(&self, name: &RelName) -> Option<StatementId> {
        let name = self::name(name);
        [ObjectKind::Table, ObjectKind::MaterializedView, ObjectKind::View, ObjectKind::Index]
            .into_iter()
            .find_map(|kind| self.made_by(kind, &name, None))
    }

    /// Whether the table may hold rows when the statement runs: it was not made by the same file,
    /// nor by any where all are run in one go.
    ///
    /// Files before are taken as applied long ago; a table that no file makes is somebody else's
    /// and may hold anything.
    #[must_use]
    pub fn may_hold_rows(&self, table: &Name, id: StatementId) -> bool {
        let made = self
            .made_by(ObjectKind::Table, table, Some(id))
            .or_else(|| self.made_by(ObjectKind::MaterializedView, table, Some(id)));
        made.is_none_or(|made| {
            !self.at_once && self.statement(made).file != self.statement(id).file
        })
    }

    /// `server_version_num` of the server that was built on or read.
    #[must_use]
    pub fn server_version(&self) -> Option<u32> {
        self.catalog.as_ref().map(|catalog| catalog.server.version_num)
    }
}

/// The name of a relation as statements write it.
#[must_use]
pub fn name(relation: &RelName) -> Name {
    let parts = vec![relation.schema.as_str().to_owned(), relation.name.as_str().to_owned()];
    Name { parts, span: 0..0 }
}
