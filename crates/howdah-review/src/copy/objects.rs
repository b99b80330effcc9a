//! Types, sequences and functions of the copy.

use howdah_catalog::name::list;
use howdah_catalog::{Catalog, Literal, RelationKind, TypeKind, UserType};

use super::Making;
use crate::facts::FunctionDefinition;

pub(super) fn makings(catalog: &Catalog, functions: &[FunctionDefinition]) -> Vec<Making> {
    let mut makings: Vec<Making> = catalog.types.values().filter_map(made_type).collect();
    let behind_identity: Vec<String> = catalog
        .relations
        .values()
        .flat_map(|table| {
            let identities = table.columns.iter().filter(|column| column.identity.is_some());
            identities.map(|column| {
                let (table, column) = (table.name.name.as_str(), column.name.as_str());
                format!("{table}_{column}_seq")
            })
        })
        .collect();
    for sequence in catalog.relations.values().filter(|r| r.kind == RelationKind::Sequence) {
        if !behind_identity.iter().any(|name| name == sequence.name.name.as_str()) {
            makings.push(Making::new(
                format!("sequence {}", sequence.name.plain()),
                format!("create sequence {}", sequence.name),
            ));
        }
    }
    makings.extend(functions.iter().map(|function| {
        Making::new(format!("function {}", function.name.plain()), function.definition.clone())
    }));
    makings
}

fn made_type(of: &UserType) -> Option<Making> {
    let sql = match &of.kind {
        TypeKind::Enum(labels) => {
            format!(
                "create type {} as enum ({})",
                of.name,
                list(labels.labels.iter().map(|l| Literal(l)))
            )
        }
        TypeKind::Domain(domain) => {
            let mut sql = format!("create domain {} as {}", of.name, domain.base_type);
            if let Some(default) = &domain.default {
                sql.push_str(&format!(" default {default}"));
            }
            if domain.not_null {
                sql.push_str(" not null");
            }
            for (name, check) in &domain.checks {
                sql.push_str(&format!(" constraint {name} {check}"));
            }
            sql
        }
        TypeKind::Composite(composite) => {
            let attributes = composite.attributes.iter().map(|(name, of)| format!("{name} {of}"));
            format!("create type {} as ({})", of.name, list(attributes))
        }
        // Those of extensions come with the extension; the others need a language of their own.
        TypeKind::Range | TypeKind::Other(_) => return None,
    };
    Some(Making::new(format!("type {}", of.name.plain()), sql))
}
