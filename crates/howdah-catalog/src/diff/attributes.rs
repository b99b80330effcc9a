//! The attributes of each kind of object that count as differences, as text.

use super::plain;
use crate::name::list;
use crate::{
    Column, Constraint, Extension, Function, FunctionKind, Generated, Grant, Identity, Index,
    PartitionKey, PartitionStrategy, Policy, PolicyCommand, Relation, RelationKind, Role, Schema,
    Setting, Trigger, TypeKind, UserType, Volatility,
};

/// Something with attributes, always the same ones in the same order.
pub(super) trait Described {
    /// Name and text of each; the empty text stands for none.
    fn attributes(&self) -> Vec<(&'static str, String)>;
}

impl<T: Described> Described for &T {
    fn attributes(&self) -> Vec<(&'static str, String)> {
        (*self).attributes()
    }
}

fn yes(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

fn text(value: Option<&String>) -> String {
    value.cloned().unwrap_or_default()
}

/// A comment or label: quoted, so that an empty one is not none.
fn quoted(value: Option<&String>) -> String {
    value.map(|value| format!("\"{value}\"")).unwrap_or_default()
}

impl Described for Schema {
    fn attributes(&self) -> Vec<(&'static str, String)> {
        vec![("owner", self.owner.as_str().to_owned()), ("comment", quoted(self.comment.as_ref()))]
    }
}

impl Described for Extension {
    fn attributes(&self) -> Vec<(&'static str, String)> {
        vec![("schema", self.schema.as_str().to_owned()), ("version", self.version.clone())]
    }
}

impl Described for Setting {
    fn attributes(&self) -> Vec<(&'static str, String)> {
        vec![("value", self.value.clone())]
    }
}

impl Described for Grant {
    fn attributes(&self) -> Vec<(&'static str, String)> {
        vec![("grant option", yes(self.grantable))]
    }
}

impl Described for Role {
    fn attributes(&self) -> Vec<(&'static str, String)> {
        vec![
            ("superuser", yes(self.superuser)),
            ("bypassrls", yes(self.bypass_rls)),
            ("createrole", yes(self.create_role)),
            ("createdb", yes(self.create_db)),
            ("login", yes(self.login)),
            ("replication", yes(self.replication)),
            ("inherit", yes(self.inherit)),
            ("member of", list(&self.member_of)),
        ]
    }
}

impl Described for UserType {
    fn attributes(&self) -> Vec<(&'static str, String)> {
        let (kind, definition) = match &self.kind {
            TypeKind::Enum(labels) => {
                ("enum".to_owned(), list(labels.labels.iter().map(|label| format!("'{label}'"))))
            }
            TypeKind::Domain(domain) => {
                let mut definition = domain.base_type.clone();
                if let Some(default) = &domain.default {
                    definition += &format!(" default {default}");
                }
                if domain.not_null {
                    definition += " not null";
                }
                for (name, check) in &domain.checks {
                    definition += &format!(" constraint {name} {check}");
                }
                ("domain".to_owned(), definition)
            }
            TypeKind::Composite(composite) => {
                let attributes = composite.attributes.iter();
                let definition = list(attributes.map(|(name, kind)| format!("{name} {kind}")));
                ("composite".to_owned(), definition)
            }
            TypeKind::Range => ("range".to_owned(), String::new()),
            TypeKind::Other(kind) => (format!("other ({kind})"), String::new()),
        };
        vec![
            ("owner", self.owner.as_str().to_owned()),
            ("kind", kind),
            ("definition", definition),
            ("comment", quoted(self.comment.as_ref())),
        ]
    }
}

impl Described for Function {
    fn attributes(&self) -> Vec<(&'static str, String)> {
        let kind = match self.kind {
            FunctionKind::Function => "function".to_owned(),
            FunctionKind::Procedure => "procedure".to_owned(),
            FunctionKind::Aggregate => "aggregate".to_owned(),
            FunctionKind::Window => "window function".to_owned(),
            FunctionKind::Other(kind) => format!("other ({kind})"),
        };
        let volatility = match self.volatility {
            Volatility::Immutable => "immutable".to_owned(),
            Volatility::Stable => "stable".to_owned(),
            Volatility::Volatile => "volatile".to_owned(),
            Volatility::Other(volatility) => format!("other ({volatility})"),
        };
        vec![
            ("kind", kind),
            ("result", text(self.result.as_ref())),
            ("owner", self.owner.as_str().to_owned()),
            ("language", self.language.clone()),
            ("volatility", volatility),
            ("security definer", yes(self.security_definer)),
            ("leakproof", yes(self.leakproof)),
            ("settings", self.settings.join(", ")),
            ("body", self.body.clone()),
        ]
    }
}

impl Described for Relation {
    fn attributes(&self) -> Vec<(&'static str, String)> {
        vec![
            ("kind", kind(self.kind)),
            ("owner", self.owner.as_str().to_owned()),
            ("comment", quoted(self.comment.as_ref())),
            ("row security", yes(self.row_security)),
            ("forced row security", yes(self.force_row_security)),
            ("partitioning", partitioning(self)),
            ("partition of", partition_of(self)),
            ("inherits", list(self.inherits.iter().map(plain))),
            ("unlogged", yes(self.unlogged)),
            ("options", self.options.join(", ")),
            ("access method", text(self.access_method.as_ref())),
            ("definition", text(self.definition.as_ref())),
            ("replica identity", self.replica_identity.to_string()),
        ]
    }
}

fn kind(kind: RelationKind) -> String {
    match kind {
        RelationKind::Table => "table".to_owned(),
        RelationKind::PartitionedTable => "partitioned table".to_owned(),
        RelationKind::View => "view".to_owned(),
        RelationKind::MaterializedView => "materialized view".to_owned(),
        RelationKind::ForeignTable => "foreign table".to_owned(),
        RelationKind::Sequence => "sequence".to_owned(),
        RelationKind::Other(kind) => format!("other ({kind})"),
    }
}

/// `range (at)`; the default partition tells of itself.
fn partitioning(relation: &Relation) -> String {
    let Some(partitioning) = &relation.partitioning else { return String::new() };
    let strategy = match partitioning.strategy {
        PartitionStrategy::Range => "range".to_owned(),
        PartitionStrategy::List => "list".to_owned(),
        PartitionStrategy::Hash => "hash".to_owned(),
        PartitionStrategy::Other(strategy) => format!("other ({strategy})"),
    };
    let keys = partitioning.keys.iter().map(|key| match key {
        PartitionKey::Column(name) => name.to_string(),
        PartitionKey::Expression(expression) => expression.clone(),
    });
    format!("{strategy} ({})", list(keys))
}

fn partition_of(relation: &Relation) -> String {
    let Some(part) = &relation.partition_of else { return String::new() };
    let pending = if part.detach_pending { " (detach pending)" } else { "" };
    format!("{} {}{pending}", plain(&part.parent), part.text)
}

impl Described for Column {
    fn attributes(&self) -> Vec<(&'static str, String)> {
        let generated = match self.generated {
            None => String::new(),
            Some(Generated::Stored) => "stored".to_owned(),
            Some(Generated::Virtual) => "virtual".to_owned(),
            Some(Generated::Other(generated)) => format!("other ({generated})"),
        };
        let identity = match self.identity {
            None => String::new(),
            Some(Identity::Always) => "always".to_owned(),
            Some(Identity::ByDefault) => "by default".to_owned(),
            Some(Identity::Other(identity)) => format!("other ({identity})"),
        };
        vec![
            ("type", self.type_name.clone()),
            ("not null", yes(self.not_null)),
            ("default", text(self.default.as_ref())),
            ("generated", generated),
            ("identity", identity),
            ("collation", self.collation.as_ref().map(plain).unwrap_or_default()),
            ("storage", self.storage.to_string()),
            ("compression", text(self.compression.as_ref())),
            ("comment", quoted(self.comment.as_ref())),
        ]
    }
}

impl Described for Constraint {
    /// The definition says kind, columns, references, `not valid` and `deferrable`.
    fn attributes(&self) -> Vec<(&'static str, String)> {
        vec![("definition", self.definition.clone()), ("inherited", yes(self.inherited))]
    }
}

impl Described for Index {
    /// The definition says method, columns, uniqueness and predicate.
    fn attributes(&self) -> Vec<(&'static str, String)> {
        vec![
            ("definition", self.definition.clone()),
            ("primary", yes(self.primary)),
            ("valid", yes(self.valid)),
            ("part of", self.parent.as_ref().map(plain).unwrap_or_default()),
        ]
    }
}

impl Described for Policy {
    fn attributes(&self) -> Vec<(&'static str, String)> {
        let command = match self.command {
            PolicyCommand::All => "all".to_owned(),
            PolicyCommand::Select => "select".to_owned(),
            PolicyCommand::Insert => "insert".to_owned(),
            PolicyCommand::Update => "update".to_owned(),
            PolicyCommand::Delete => "delete".to_owned(),
            PolicyCommand::Other(command) => format!("other ({command})"),
        };
        vec![
            ("permissive", yes(self.permissive)),
            ("command", command),
            ("roles", list(&self.roles)),
            ("using", text(self.using.as_ref())),
            ("check", text(self.check.as_ref())),
            ("comment", quoted(self.comment.as_ref())),
        ]
    }
}

impl Described for Trigger {
    fn attributes(&self) -> Vec<(&'static str, String)> {
        vec![("definition", self.definition.clone()), ("enabled", self.enabled.to_string())]
    }
}
