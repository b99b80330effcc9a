//! Copies, privileges, settings, transactions and what leaves the database, as data.

use super::Name;

/// `copy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// The table; `None` for a query.
    pub table: Option<Name>,
    /// `from` rather than `to`.
    pub from: bool,
    /// Where from or to.
    pub target: CopyTarget,
}

/// Where `copy` reads or writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyTarget {
    /// `stdin` or `stdout`.
    Client,
    /// A file of the server.
    File,
    /// A program of the server.
    Program,
}

/// `grant` and `revoke`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// `grant` rather than `revoke`.
    pub grants: bool,
    /// Privileges in lower case; roles when no object is named.
    pub privileges: Vec<String>,
    /// What kind of object, and which; `None` for memberships.
    pub on: Option<(String, Vec<Name>)>,
    /// The roles.
    pub roles: Vec<String>,
}

/// For how long `set` holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetScope {
    /// Until the session ends.
    Session,
    /// `local`: until the transaction ends.
    Local,
}

/// Begins and ends of transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transaction {
    /// `begin`, `start transaction`.
    Begin,
    /// `commit`, `end`.
    Commit,
    /// `rollback`, `abort`.
    Rollback,
    /// Savepoints, two-phase commits and the rest.
    Other,
}

/// What leaves the database: it changes the cluster, its machine, or another server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Escape {
    /// `alter system`: the setting.
    AlterSystem(String),
    /// `create role`, `create user`, `create group`: the role.
    CreateRole(String),
    /// `alter role`, `drop role` and their kin: the role.
    ChangeRole(String),
    /// `create | alter | drop database`.
    Database,
    /// `create | alter | drop tablespace`.
    Tablespace,
    /// `copy … program` or a file of the server.
    Copy(CopyTarget),
    /// `load`: a library.
    Load,
    /// `create | alter | drop subscription`.
    Subscription,
    /// A function or `do` in a language that is not trusted: the language.
    Language(String),
    /// A call of a function that reaches other servers or files: the function.
    Call(String),
}
