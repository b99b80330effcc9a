//! The whole catalog and what belongs to the server or the database rather than to a relation.

use std::collections::BTreeMap;

use crate::{Function, Grant, Ident, RelName, Relation, Role, UserType};

/// One database, as found at one moment. The schemas of the system (`pg_*`, `information_schema`)
/// and what extensions own are left out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalog {
    /// The server and the session that looked.
    pub server: Server,
    /// Schemas by name.
    pub schemas: BTreeMap<Ident, Schema>,
    /// Tables, partitioned tables, partitions, views, materialized views, foreign tables and
    /// sequences.
    pub relations: BTreeMap<RelName, Relation>,
    /// Enums, domains, composites, ranges and others made by users.
    pub types: BTreeMap<RelName, UserType>,
    /// Functions, procedures and aggregates made by users, by name and arguments.
    pub functions: Vec<Function>,
    /// Roles of the cluster that this login may see.
    pub roles: BTreeMap<Ident, Role>,
    /// Privileges on the database, schemas, relations, columns, functions and types, PostgreSQL's
    /// defaults for everybody included, those that an owner has by owning left out.
    pub grants: Vec<Grant>,
    /// Installed extensions.
    pub extensions: BTreeMap<Ident, Extension>,
    /// Settings that differ from their built-in default, and those howdah looks at, by name.
    pub settings: BTreeMap<String, Setting>,
}

impl Catalog {
    /// The relation of that name.
    #[must_use]
    pub fn relation(&self, name: &RelName) -> Option<&Relation> {
        self.relations.get(name)
    }

    /// The first relation that `name` means under `search_path`: `schema.table` exactly, or a bare
    /// table looked up in the path's schemas in order.
    #[must_use]
    pub fn resolve(&self, name: &str) -> Option<&Relation> {
        if let Some((schema, table)) = name.split_once('.') {
            return self.relations.get(&RelName::new(schema, table));
        }
        self.server
            .search_path
            .iter()
            .find_map(|schema| self.relations.get(&RelName::new(schema.as_str(), name)))
    }

    /// The direct partitions of `parent`, in name order.
    pub fn partitions_of<'a>(
        &'a self,
        parent: &'a RelName,
    ) -> impl Iterator<Item = &'a Relation> + 'a {
        self.relations.values().filter(move |relation| {
            relation.partition_of.as_ref().is_some_and(|bound| bound.parent == *parent)
        })
    }
}

/// The server and the session that introspected it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Server {
    /// `server_version_num`: 150018 for 15.18.
    pub version_num: u32,
    /// The database's name.
    pub database: String,
    /// The owner of the database.
    pub database_owner: Ident,
    /// The role that looked (`current_user`).
    pub user: Ident,
    /// Whether that role is a superuser.
    pub is_superuser: bool,
    /// Whether that role may create roles.
    pub can_create_role: bool,
    /// The schemas that exist in the session's search path, in order, without `pg_catalog`.
    pub search_path: Vec<Ident>,
}

/// A schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    /// Its owner.
    pub owner: Ident,
    /// Its comment.
    pub comment: Option<String>,
}

/// An installed extension.
#[derive(Debug, Clone, PartialEq)]
pub struct Extension {
    /// The schema that holds its objects.
    pub schema: Ident,
    /// Its version text.
    pub version: String,
}

/// A server setting.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// The value in force, in the setting's base unit.
    pub value: String,
    /// The base unit (`8kB`, `ms`), if any.
    pub unit: Option<String>,
    /// The built-in default.
    pub boot_value: Option<String>,
    /// Where the value comes from (`default`, `configuration file`, `database`, `session`…).
    pub source: String,
    /// When a change takes effect (`user`, `superuser`, `sighup`, `postmaster`…).
    pub context: String,
}
