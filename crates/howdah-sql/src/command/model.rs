//! Commands as data.

use std::ops::Range;

use super::effect::{Copy, Escape, Grant, SetScope, Transaction};

/// A piece of the statement and where it is, in bytes of the statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The text.
    pub text: String,
    /// Its place.
    pub span: Range<usize>,
}

/// A name with its qualifiers, each as the catalog stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// `["a", "b"]` for `a.b`; never empty.
    pub parts: Vec<String>,
    /// Its place.
    pub span: Range<usize>,
}

impl Name {
    /// The last part.
    #[must_use]
    pub fn last(&self) -> &str {
        self.parts.last().map_or("", String::as_str)
    }

    /// The part before the last.
    #[must_use]
    pub fn schema(&self) -> Option<&str> {
        let before = self.parts.len().checked_sub(2)?;
        Some(&self.parts[before])
    }

    /// For people: the parts joined by dots.
    #[must_use]
    pub fn plain(&self) -> String {
        self.parts.join(".")
    }
}

/// What a statement commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `create table`, also `create table … as`, `create foreign table`.
    CreateTable(CreateTable),
    /// `alter table | view | materialized view | sequence | index | foreign table`.
    AlterTable(AlterTable),
    /// `create index`.
    CreateIndex(CreateIndex),
    /// `create view`, `create materialized view`.
    CreateView(CreateView),
    /// `create function`, `create procedure`.
    CreateRoutine(CreateRoutine),
    /// `do`: language and body.
    Do {
        /// The language; plpgsql when none is written.
        language: String,
        /// The body between its quotes.
        body: Part,
    },
    /// `create trigger`.
    CreateTrigger {
        /// The trigger.
        name: Name,
        /// Its table.
        table: Name,
    },
    /// `create policy`.
    CreatePolicy {
        /// The policy.
        name: Name,
        /// Its table.
        table: Name,
    },
    /// `create type`; the labels when it is an enum.
    CreateType {
        /// The type.
        name: Name,
        /// The labels of an enum.
        labels: Vec<String>,
    },
    /// `create domain`.
    CreateDomain {
        /// The domain.
        name: Name,
    },
    /// `create schema`.
    CreateSchema {
        /// Its name; `None` when only its owner is written.
        name: Option<Name>,
    },
    /// `create extension`.
    CreateExtension {
        /// Its name.
        name: String,
    },
    /// `create` of anything else: its kind and its name.
    CreateOther {
        /// What is made.
        kind: ObjectKind,
        /// Its name, where one could be read.
        name: Option<Name>,
    },
    /// `alter type … add value`: the type and the label.
    AddEnumValue {
        /// The type.
        name: Name,
        /// The label.
        label: String,
    },
    /// `alter` of anything else: its kind and its name.
    AlterOther {
        /// What is altered.
        kind: ObjectKind,
        /// Its name, where one could be read.
        name: Option<Name>,
    },
    /// `drop`.
    Drop(Drop),
    /// `truncate`.
    Truncate {
        /// The tables.
        tables: Vec<Name>,
        /// `cascade`.
        cascade: bool,
    },
    /// `refresh materialized view`.
    RefreshView {
        /// The view.
        name: Name,
        /// `concurrently`.
        concurrently: bool,
    },
    /// `reindex`.
    Reindex {
        /// What is rebuilt.
        name: Option<Name>,
        /// `concurrently`.
        concurrently: bool,
    },
    /// `cluster` or `vacuum full`.
    Repack {
        /// The table; `None` for all.
        name: Option<Name>,
    },
    /// `lock table`.
    Lock {
        /// The tables.
        tables: Vec<Name>,
    },
    /// `insert into`.
    Insert {
        /// The table.
        table: Name,
    },
    /// `update`.
    Update {
        /// The table.
        table: Name,
        /// Whether it has a `where`.
        filtered: bool,
    },
    /// `delete from`.
    Delete {
        /// The table.
        table: Name,
        /// Whether it has a `where`.
        filtered: bool,
    },
    /// `select`, `with`, `values`, `table`.
    Query,
    /// `copy`.
    Copy(Copy),
    /// `grant` and `revoke`.
    Grant(Grant),
    /// `set`, with its scope.
    Set {
        /// The setting, in lower case.
        name: String,
        /// What is behind `to` or `=`, as written.
        value: String,
        /// For how long.
        scope: SetScope,
    },
    /// `comment on`.
    Comment,
    /// Begins and ends of transactions.
    Transaction(Transaction),
    /// A statement whose effect leaves the database.
    Escape(Escape),
    /// Anything else, by its leading words.
    Other(String),
}

/// `create table`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateTable {
    /// The table.
    pub name: Name,
    /// `if not exists`.
    pub if_not_exists: bool,
    /// `temporary`.
    pub temporary: bool,
    /// `unlogged`.
    pub unlogged: bool,
    /// Columns, in order.
    pub columns: Vec<ColumnDef>,
    /// Constraints of the table.
    pub constraints: Vec<ConstraintDef>,
    /// `partition of`: the parent.
    pub partition_of: Option<Name>,
    /// `partition by …`: the text behind it.
    pub partition_by: Option<Part>,
    /// `as …`: made from a query.
    pub from_query: bool,
}

/// A column as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnDef {
    /// Its name.
    pub name: String,
    /// Its type, as written.
    pub type_name: Part,
    /// What is behind the type.
    pub constraints: Vec<ColumnConstraint>,
    /// The whole definition.
    pub span: Range<usize>,
}

impl ColumnDef {
    /// The default's expression.
    #[must_use]
    pub fn default(&self) -> Option<&Part> {
        self.constraints.iter().find_map(|constraint| match constraint {
            ColumnConstraint::Default(part) => Some(part),
            _ => None,
        })
    }

    /// Whether `constraint` is among what is behind the type.
    #[must_use]
    pub fn has(&self, constraint: &ColumnConstraint) -> bool {
        self.constraints.contains(constraint)
    }
}

/// What is behind the type of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnConstraint {
    /// `not null`.
    NotNull,
    /// `null`.
    Null,
    /// `default …`.
    Default(Part),
    /// `generated always as (…)`.
    Generated {
        /// `stored` rather than `virtual`.
        stored: bool,
        /// The expression.
        expression: Part,
    },
    /// `generated … as identity`.
    Identity {
        /// `always` rather than `by default`.
        always: bool,
    },
    /// `primary key`.
    PrimaryKey,
    /// `unique`.
    Unique,
    /// `check (…)`.
    Check(Part),
    /// `references …`.
    References(References),
    /// `collate …` and others that decide nothing here.
    Other(Part),
}

/// A foreign key's other side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct References {
    /// The table.
    pub table: Name,
    /// Its columns, when written.
    pub columns: Vec<String>,
}

/// A constraint of a table with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConstraintDef {
    /// Its name, when written.
    pub name: Option<String>,
    /// What it is.
    pub constraint: TableConstraint,
    /// `not valid`.
    pub not_valid: bool,
    /// `using index …`: the index.
    pub using_index: Option<String>,
    /// The whole definition.
    pub span: Range<usize>,
}

/// What a table's constraint is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableConstraint {
    /// `primary key (…)`.
    PrimaryKey(Vec<String>),
    /// `unique (…)`.
    Unique(Vec<String>),
    /// `check (…)`.
    Check(Part),
    /// `foreign key (…) references …`.
    ForeignKey {
        /// The columns.
        columns: Vec<String>,
        /// The other side.
        references: References,
    },
    /// `exclude …`.
    Exclude,
    /// `not null …` as a constraint of the table (PostgreSQL 18).
    NotNull(String),
    /// Anything else.
    Other,
}

/// `alter table` and its kin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterTable {
    /// Table, view, materialized view, sequence, index or foreign table.
    pub kind: ObjectKind,
    /// The relation.
    pub name: Name,
    /// `if exists`.
    pub if_exists: bool,
    /// The actions, in order, each with its place.
    pub actions: Vec<(AlterAction, Range<usize>)>,
}

/// One action of `alter table`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlterAction {
    /// `add column`.
    AddColumn(ColumnDef),
    /// `drop column`.
    DropColumn(String),
    /// `add constraint` and `add primary key …`.
    AddConstraint(ConstraintDef),
    /// `validate constraint`.
    ValidateConstraint(String),
    /// `drop constraint`.
    DropConstraint(String),
    /// `alter column … type`.
    ColumnType {
        /// The column.
        column: String,
        /// The new type, as written.
        type_name: Part,
        /// The expression behind `using`.
        using: Option<Part>,
    },
    /// `alter column … set default`.
    SetDefault(String, Part),
    /// `alter column … drop default`.
    DropDefault(String),
    /// `alter column … set not null`.
    SetNotNull(String),
    /// `alter column … drop not null`.
    DropNotNull(String),
    /// `rename to`.
    Rename(String),
    /// `rename column … to`.
    RenameColumn(String, String),
    /// `rename constraint … to`.
    RenameConstraint(String, String),
    /// `enable | disable | force | no force row level security`, as those words.
    RowSecurity(&'static str),
    /// `attach partition`.
    AttachPartition(Name),
    /// `detach partition`, and whether concurrently.
    DetachPartition(Name, bool),
    /// `owner to`.
    OwnerTo(String),
    /// `set schema`.
    SetSchema(String),
    /// `set logged`, `set unlogged`, `set tablespace`, `set access method`: the words.
    SetStorage(String),
    /// `enable trigger` and `disable trigger`: whether enabled, and which.
    Trigger(bool, String),
    /// Anything else, as written.
    Other(Part),
}

/// `create index`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateIndex {
    /// The index; PostgreSQL chooses a name when none is written.
    pub name: Option<Name>,
    /// `unique`.
    pub unique: bool,
    /// `concurrently`.
    pub concurrently: bool,
    /// `if not exists`.
    pub if_not_exists: bool,
    /// Its table.
    pub table: Name,
    /// `on only`: of a partitioned table's parent alone.
    pub only: bool,
    /// The access method, `btree` when none is written.
    pub method: String,
    /// Keys, as written.
    pub keys: Vec<Part>,
    /// `include (…)`.
    pub include: Vec<String>,
    /// The expression behind `where`.
    pub predicate: Option<Part>,
}

/// `create view` and `create materialized view`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateView {
    /// The view.
    pub name: Name,
    /// `materialized`.
    pub materialized: bool,
    /// `or replace`.
    pub or_replace: bool,
    /// The query.
    pub query: Part,
}

/// `create function` and `create procedure`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateRoutine {
    /// Its name.
    pub name: Name,
    /// A procedure.
    pub procedure: bool,
    /// `or replace`.
    pub or_replace: bool,
    /// The language, in lower case; `sql` for a body without quotes.
    pub language: String,
    /// `security definer`.
    pub security_definer: bool,
    /// Settings behind `set`, in lower case: `search_path`.
    pub settings: Vec<String>,
    /// The body between its quotes, or from `return` or `begin atomic` on.
    pub body: Option<Part>,
}

/// `drop`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drop {
    /// What kind of object.
    pub kind: ObjectKind,
    /// Which.
    pub names: Vec<Name>,
    /// `if exists`.
    pub if_exists: bool,
    /// `concurrently`.
    pub concurrently: bool,
    /// `cascade`.
    pub cascade: bool,
    /// `on …`: the table of a trigger, policy or rule.
    pub on: Option<Name>,
}

/// Kinds of objects, as statements name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// A table.
    Table,
    /// A foreign table.
    ForeignTable,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// A sequence.
    Sequence,
    /// An index.
    Index,
    /// A type.
    Type,
    /// A domain.
    Domain,
    /// A schema.
    Schema,
    /// A function.
    Function,
    /// A procedure.
    Procedure,
    /// An aggregate.
    Aggregate,
    /// A trigger.
    Trigger,
    /// An event trigger.
    EventTrigger,
    /// A policy.
    Policy,
    /// An extension.
    Extension,
    /// A publication.
    Publication,
    /// A foreign server, wrapper or user mapping.
    Foreign,
    /// Default privileges.
    DefaultPrivileges,
    /// A role, user or group.
    Role,
    /// Anything else.
    Other,
}

impl Command {
    /// The table that the statement makes or changes.
    #[must_use]
    pub fn table(&self) -> Option<&Name> {
        match self {
            Self::CreateTable(table) => Some(&table.name),
            Self::AlterTable(table) => Some(&table.name),
            Self::CreateIndex(index) => Some(&index.table),
            Self::CreateTrigger { table, .. } | Self::CreatePolicy { table, .. } => Some(table),
            _ => None,
        }
    }

    /// What the statement makes: kind and name.
    #[must_use]
    pub fn creates(&self) -> Option<(ObjectKind, &Name)> {
        Some(match self {
            Self::CreateTable(table) => (ObjectKind::Table, &table.name),
            Self::CreateIndex(index) => (ObjectKind::Index, index.name.as_ref()?),
            Self::CreateView(view) if view.materialized => {
                (ObjectKind::MaterializedView, &view.name)
            }
            Self::CreateView(view) => (ObjectKind::View, &view.name),
            Self::CreateRoutine(routine) => (ObjectKind::Function, &routine.name),
            Self::CreateTrigger { name, .. } => (ObjectKind::Trigger, name),
            Self::CreatePolicy { name, .. } => (ObjectKind::Policy, name),
            Self::CreateType { name, .. } => (ObjectKind::Type, name),
            Self::CreateDomain { name } => (ObjectKind::Domain, name),
            Self::CreateSchema { name } => (ObjectKind::Schema, name.as_ref()?),
            Self::CreateOther { kind, name } => (*kind, name.as_ref()?),
            _ => return None,
        })
    }
}
