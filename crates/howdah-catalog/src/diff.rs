//! What differs between two catalogs, as typed changes with a line each.
//!
//! Sizes, counters and statistics are no differences, and neither is who looked from where
//! ([`Server`](crate::Server)). The order is always the same: schemas, extensions, types, relations
//! with what hangs on them, functions, roles, grants, settings; within each by name.

mod attributes;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use crate::{Catalog, Grant, GrantTarget, Ident, RelName, Relation, RelationKind};

use attributes::Described;

/// One difference; `Display` gives a line: `table public.trades: column "price" type numeric →
/// numeric(38,18)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The object.
    pub object: Object,
    /// The part of the object, when it is not the object itself.
    pub part: Option<Part>,
    /// What happened.
    pub kind: ChangeKind,
}

/// What happened to an object or a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeKind {
    /// Only the new catalog has it.
    Added,
    /// Only the old catalog has it.
    Removed,
    /// Both have it, and one attribute differs.
    Changed {
        /// The attribute, in words.
        attribute: &'static str,
        /// Its text in the old catalog; empty for none.
        old: String,
        /// Its text in the new catalog; empty for none.
        new: String,
    },
}

/// An object of the database.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Object {
    /// A schema.
    Schema(Ident),
    /// An extension.
    Extension(Ident),
    /// A type.
    Type(RelName),
    /// A relation and what it is (in the new catalog, if it is there).
    Relation(&'static str, RelName),
    /// A function by name and identity arguments.
    Function(RelName, String),
    /// A role.
    Role(Ident),
    /// A privilege: on what, whose, which.
    Grant(GrantTarget, Ident, String),
    /// A setting.
    Setting(String),
}

/// A part of a relation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A column.
    Column(Ident),
    /// A constraint.
    Constraint(Ident),
    /// An index.
    Index(Ident),
    /// A row security policy.
    Policy(Ident),
    /// A trigger.
    Trigger(Ident),
}

/// Everything by which `new` differs from `old`.
#[must_use]
pub fn diff(old: &Catalog, new: &Catalog) -> Vec<Change> {
    let mut changes = Changes(Vec::new());
    let whole = |object: Object| (object, None);
    changes.maps(&old.schemas, &new.schemas, |name| whole(Object::Schema(name.clone())));
    changes.maps(&old.extensions, &new.extensions, |name| whole(Object::Extension(name.clone())));
    changes.maps(&old.types, &new.types, |name| whole(Object::Type(name.clone())));
    changes.relations(&old.relations, &new.relations);

    let functions = |catalog: &Catalog| -> BTreeMap<(RelName, String), _> {
        let functions = catalog.functions.iter();
        functions.map(|f| ((f.name.clone(), f.arguments.clone()), f.clone())).collect()
    };
    changes.maps(&functions(old), &functions(new), |(name, arguments)| {
        whole(Object::Function(name.clone(), arguments.clone()))
    });
    changes.maps(&old.roles, &new.roles, |name| whole(Object::Role(name.clone())));
    let grants = |catalog: &Catalog| -> BTreeMap<(GrantTarget, Ident, String), Grant> {
        let key = |g: &Grant| (g.target.clone(), g.grantee.clone(), g.privilege.clone());
        catalog.grants.iter().map(|grant| (key(grant), grant.clone())).collect()
    };
    changes.maps(&grants(old), &grants(new), |(target, grantee, privilege)| {
        whole(Object::Grant(target.clone(), grantee.clone(), privilege.clone()))
    });
    changes.maps(&old.settings, &new.settings, |name| whole(Object::Setting(name.clone())));
    changes.0
}

struct Changes(Vec<Change>);

impl Changes {
    /// Compares two maps key by key, in the order of the keys.
    fn maps<K: Ord, V: Described>(
        &mut self,
        old: &BTreeMap<K, V>,
        new: &BTreeMap<K, V>,
        name: impl Fn(&K) -> (Object, Option<Part>),
    ) {
        let mut keys: Vec<&K> = old.keys().chain(new.keys()).collect();
        keys.sort();
        keys.dedup();
        for key in keys {
            let (object, part) = name(key);
            self.pair(&object, part.as_ref(), old.get(key), new.get(key));
        }
    }

    fn pair<V: Described>(
        &mut self,
        object: &Object,
        part: Option<&Part>,
        old: Option<&V>,
        new: Option<&V>,
    ) {
        let mut push = |kind| {
            self.0.push(Change { object: object.clone(), part: part.cloned(), kind });
        };
        match (old, new) {
            (None, Some(_)) => push(ChangeKind::Added),
            (Some(_), None) => push(ChangeKind::Removed),
            (Some(old), Some(new)) => {
                for ((attribute, old), (_, new)) in
                    old.attributes().into_iter().zip(new.attributes())
                {
                    if old != new {
                        push(ChangeKind::Changed { attribute, old, new });
                    }
                }
            }
            (None, None) => {}
        }
    }

    fn relations(&mut self, old: &BTreeMap<RelName, Relation>, new: &BTreeMap<RelName, Relation>) {
        let mut names: Vec<_> = old.keys().chain(new.keys()).collect();
        names.sort();
        names.dedup();
        for name in names {
            let (old, new) = (old.get(name), new.get(name));
            let Some(kind) = new.or(old).map(|relation| kind_word(relation.kind)) else { continue };
            let object = Object::Relation(kind, name.clone());
            self.pair(&object, None, old, new);
            if let (Some(old), Some(new)) = (old, new) {
                self.parts(&object, old, new);
            }
        }
    }

    fn parts(&mut self, object: &Object, old: &Relation, new: &Relation) {
        macro_rules! part {
            ($field:ident, $part:ident) => {
                self.maps(
                    &old.$field.iter().map(|part| (part.name.clone(), part)).collect(),
                    &new.$field.iter().map(|part| (part.name.clone(), part)).collect(),
                    |name| (object.clone(), Some(Part::$part(name.clone()))),
                );
            };
        }
        part!(columns, Column);
        part!(constraints, Constraint);
        part!(indexes, Index);
        part!(policies, Policy);
        part!(triggers, Trigger);
    }
}

/// What a relation is, in a word or two.
fn kind_word(kind: RelationKind) -> &'static str {
    match kind {
        RelationKind::Table | RelationKind::PartitionedTable => "table",
        RelationKind::View => "view",
        RelationKind::MaterializedView => "materialized view",
        RelationKind::ForeignTable => "foreign table",
        RelationKind::Sequence => "sequence",
        RelationKind::Other(_) => "relation",
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.object)?;
        match &self.part {
            Some(part) => write!(f, ": {part} ")?,
            None if matches!(self.kind, ChangeKind::Changed { .. }) => f.write_str(": ")?,
            None => f.write_str(" ")?,
        }
        match &self.kind {
            ChangeKind::Added => f.write_str("added"),
            ChangeKind::Removed => f.write_str("removed"),
            ChangeKind::Changed { attribute, old, new } => {
                write!(f, "{attribute} {} → {}", OneLine(old), OneLine(new))
            }
        }
    }
}

/// A text on one line, `none` when it is empty.
struct OneLine<'a>(&'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (at, word) in self.0.split_whitespace().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            f.write_str(word)?;
        }
        Ok(())
    }
}

/// `schema.name`, unquoted: the line is for people.
fn plain(name: &RelName) -> String {
    format!("{}.{}", name.schema.as_str(), name.name.as_str())
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Schema(name) => write!(f, "schema {}", name.as_str()),
            Self::Extension(name) => write!(f, "extension {}", name.as_str()),
            Self::Type(name) => write!(f, "type {}", plain(name)),
            Self::Relation(kind, name) => write!(f, "{kind} {}", plain(name)),
            Self::Function(name, arguments) => write!(f, "function {}({arguments})", plain(name)),
            Self::Role(name) => write!(f, "role {}", name.as_str()),
            Self::Grant(target, grantee, privilege) => {
                let on = match target {
                    GrantTarget::Database => "the database".to_owned(),
                    GrantTarget::Schema(name) => format!("schema {}", name.as_str()),
                    GrantTarget::Relation(name) => plain(name),
                    GrantTarget::Column(name, column) => {
                        format!("{} ({})", plain(name), column.as_str())
                    }
                    GrantTarget::Function(name, arguments) => {
                        format!("function {}({arguments})", plain(name))
                    }
                    GrantTarget::Type(name) => format!("type {}", plain(name)),
                };
                write!(f, "grant of {privilege} on {on} to {}", grantee.as_str())
            }
            Self::Setting(name) => write!(f, "setting {name}"),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Column(name) => write!(f, "column {name}"),
            Self::Constraint(name) => write!(f, "constraint {name}"),
            Self::Index(name) => write!(f, "index {name}"),
            Self::Policy(name) => write!(f, "policy {name}"),
            Self::Trigger(name) => write!(f, "trigger {name}"),
        }
    }
}
