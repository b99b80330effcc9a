//! Columns, constraints, policies and triggers of relations.

use howdah_catalog::{
    Column, Constraint, ConstraintKind, Generated, Ident, Identity, Policy, PolicyCommand, Trigger,
};
use tokio_postgres::{Error, Row};

use super::{Found, decode::Fields as _};

pub(super) fn decode_columns(rows: &[Row], found: &mut Found) -> Result<(), Error> {
    for row in rows {
        if let Some(relation) = found.relation_of(row)? {
            relation.columns.push(column(row)?);
        }
    }
    Ok(())
}

fn column(row: &Row) -> Result<Column, Error> {
    Ok(Column {
        name: row.get_ident("name")?,
        type_name: row.get_text("type_name")?,
        type_base: row.get_text("type_base")?,
        type_schema: row.get_ident("type_schema")?,
        not_null: row.get_bool("not_null")?,
        default: row.get_text_opt("default_expression")?,
        generated: match row.get_text("generated")?.chars().next() {
            None => None,
            Some('s') => Some(Generated::Stored),
            Some('v') => Some(Generated::Virtual),
            Some(other) => Some(Generated::Other(other)),
        },
        identity: match row.get_text("identity")?.chars().next() {
            None => None,
            Some('a') => Some(Identity::Always),
            Some('d') => Some(Identity::ByDefault),
            Some(other) => Some(Identity::Other(other)),
        },
        collation: row.get_name_opt("collation_schema", "collation_name")?,
        storage: row.get_char("storage")?,
        compression: match row.get_text("compression")?.as_str() {
            "" => None,
            "p" => Some("pglz".to_owned()),
            "l" => Some("lz4".to_owned()),
            other => Some(other.to_owned()),
        },
        comment: row.get_text_opt("comment")?,
        null_fraction: None,
        n_distinct: None,
        correlation: None,
    })
}

pub(super) fn decode_constraints(rows: &[Row], found: &mut Found) -> Result<(), Error> {
    for row in rows {
        if let Some(relation) = found.relation_of(row)? {
            relation.constraints.push(constraint(row)?);
        }
    }
    Ok(())
}

fn constraint(row: &Row) -> Result<Constraint, Error> {
    Ok(Constraint {
        name: row.get_ident("name")?,
        kind: match row.get_char("kind")? {
            'p' => ConstraintKind::PrimaryKey,
            'u' => ConstraintKind::Unique,
            'f' => ConstraintKind::ForeignKey,
            'c' => ConstraintKind::Check,
            'x' => ConstraintKind::Exclusion,
            'n' => ConstraintKind::NotNull,
            't' => ConstraintKind::Trigger,
            other => ConstraintKind::Other(other),
        },
        columns: row.get_idents("columns")?,
        definition: row.get_text("definition")?,
        validated: row.get_bool("validated")?,
        deferrable: row.get_bool("deferrable")?,
        inherited: row.get_bool("inherited")?,
        references: row.get_name_opt("references_schema", "references_name")?,
        referenced_columns: row.get_idents("referenced_columns")?,
        index: row.get_text_opt("index_name")?.map(Ident::new),
    })
}

pub(super) fn decode_policies(rows: &[Row], found: &mut Found) -> Result<(), Error> {
    for row in rows {
        let Some(relation) = found.relation_of(row)? else { continue };
        relation.policies.push(Policy {
            name: row.get_ident("name")?,
            permissive: row.get_bool("permissive")?,
            command: match row.get_char("command")? {
                '*' => PolicyCommand::All,
                'r' => PolicyCommand::Select,
                'a' => PolicyCommand::Insert,
                'w' => PolicyCommand::Update,
                'd' => PolicyCommand::Delete,
                other => PolicyCommand::Other(other),
            },
            roles: row.get_idents("roles")?,
            using: row.get_text_opt("using_expression")?,
            check: row.get_text_opt("check_expression")?,
            comment: row.get_text_opt("comment")?,
        });
    }
    Ok(())
}

pub(super) fn decode_triggers(rows: &[Row], found: &mut Found) -> Result<(), Error> {
    for row in rows {
        let Some(relation) = found.relation_of(row)? else { continue };
        relation.triggers.push(Trigger {
            name: row.get_ident("name")?,
            definition: row.get_text("definition")?,
            function: row.get_name("function_schema", "function_name")?,
            enabled: row.get_char("enabled")?,
            for_each_row: row.get_bool("for_each_row")?,
        });
    }
    Ok(())
}
