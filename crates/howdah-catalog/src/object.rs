//! Types, functions, roles and grants.

use crate::{Ident, RelName};

/// A type made by a user.
#[derive(Debug, Clone, PartialEq)]
pub struct UserType {
    /// Schema and name.
    pub name: RelName,
    /// Its owner.
    pub owner: Ident,
    /// What it is.
    pub kind: TypeKind,
    /// Its comment.
    pub comment: Option<String>,
}

/// What a user type is.
#[derive(Debug, Clone, PartialEq)]
pub enum TypeKind {
    /// An enum.
    Enum(EnumType),
    /// A domain.
    Domain(Domain),
    /// A composite type that is not a table's row type.
    Composite(Composite),
    /// A range or multirange type.
    Range,
    /// A base type (from an extension, mostly) or one unknown to this version: its `typtype`.
    Other(char),
}

/// The labels of an enum, in sort order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnumType {
    /// The labels.
    pub labels: Vec<String>,
}

/// A domain.
#[derive(Debug, Clone, PartialEq)]
pub struct Domain {
    /// The type beneath, as `format_type` prints it.
    pub base_type: String,
    /// `not null`.
    pub not_null: bool,
    /// The default.
    pub default: Option<String>,
    /// Check constraints: name and definition.
    pub checks: Vec<(Ident, String)>,
}

/// A composite type: attribute names and types.
#[derive(Debug, Clone, PartialEq)]
pub struct Composite {
    /// Attributes in order.
    pub attributes: Vec<(Ident, String)>,
}

/// A function, procedure, aggregate or window function.
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    /// Schema and name.
    pub name: RelName,
    /// `pg_get_function_identity_arguments`.
    pub arguments: String,
    /// `pg_get_function_result`; `None` for procedures.
    pub result: Option<String>,
    /// What it is.
    pub kind: FunctionKind,
    /// Its owner.
    pub owner: Ident,
    /// `sql`, `plpgsql`, `c`…
    pub language: String,
    /// Immutable, stable or volatile.
    pub volatility: Volatility,
    /// `security definer`.
    pub security_definer: bool,
    /// `leakproof`.
    pub leakproof: bool,
    /// `set …` clauses (`search_path=…`).
    pub settings: Vec<String>,
    /// The body (`prosrc`, or the SQL-standard body).
    pub body: String,
}

/// Kinds of functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FunctionKind {
    /// A function.
    Function,
    /// A procedure.
    Procedure,
    /// An aggregate.
    Aggregate,
    /// A window function.
    Window,
    /// Unknown to this version of howdah.
    Other(char),
}

/// What a function promises about its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Volatility {
    /// Same arguments, same result, always.
    Immutable,
    /// The same within a statement.
    Stable,
    /// Anything.
    Volatile,
    /// Unknown to this version of howdah.
    Other(char),
}

/// A role of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// `superuser`.
    pub superuser: bool,
    /// `bypassrls`.
    pub bypass_rls: bool,
    /// `createrole`.
    pub create_role: bool,
    /// `createdb`.
    pub create_db: bool,
    /// `login`.
    pub login: bool,
    /// `replication`.
    pub replication: bool,
    /// `inherit`.
    pub inherit: bool,
    /// Roles that it is a direct member of.
    pub member_of: Vec<Ident>,
}

/// One privilege given to one role on one object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// The object.
    pub target: GrantTarget,
    /// Who has it; `public` stands for everybody.
    pub grantee: Ident,
    /// `SELECT`, `INSERT`, `USAGE`, `EXECUTE`…, upper-case as PostgreSQL prints it.
    pub privilege: String,
    /// `with grant option`.
    pub grantable: bool,
}

/// What a privilege is on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum GrantTarget {
    /// The database.
    Database,
    /// A schema.
    Schema(Ident),
    /// A relation.
    Relation(RelName),
    /// A column.
    Column(RelName, Ident),
    /// A function by name and identity arguments.
    Function(RelName, String),
    /// A type.
    Type(RelName),
}
