//! Who is bound by the policies of a table, and who may reach it by which way.

use std::collections::BTreeSet;

use howdah_catalog::{Catalog, Grant, GrantTarget, Ident, RelName, Relation, RelationKind};

/// Whether the role has the rights of `of`: it is the same, or a member of it by any way.
#[must_use]
pub fn is_member(catalog: &Catalog, role: &Ident, of: &Ident) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![role];
    while let Some(next) = open.pop() {
        if next == of {
            return true;
        }
        if seen.insert(next) {
            open.extend(catalog.roles.get(next).into_iter().flat_map(|role| &role.member_of));
        }
    }
    false
}

/// Whether queries of this role see the rows of the table as if it had no policies.
#[must_use]
pub fn bypasses(catalog: &Catalog, role: &Ident, table: &Relation) -> bool {
    let known = catalog.roles.get(role);
    known.is_some_and(|role| role.superuser || role.bypass_rls)
        || (!table.force_row_security && is_member(catalog, role, &table.owner))
}

/// Tables whose rows policies share out.
pub fn protected(catalog: &Catalog) -> impl Iterator<Item = &Relation> {
    catalog.relations.values().filter(|table| {
        matches!(table.kind, RelationKind::Table | RelationKind::PartitionedTable)
            && table.row_security
            && !table.policies.is_empty()
    })
}

/// What is granted on a relation to others than its owner, columns left out.
pub fn grants_on<'a>(
    catalog: &'a Catalog,
    relation: &'a RelName,
) -> impl Iterator<Item = &'a Grant> {
    catalog.grants.iter().filter(
        move |grant| matches!(&grant.target, GrantTarget::Relation(name) if name == relation),
    )
}

/// Whether others than the owner may read the relation; pg_* roles, which read everything, left
/// out.
#[must_use]
pub fn is_readable(catalog: &Catalog, relation: &RelName) -> bool {
    grants_on(catalog, relation)
        .any(|grant| grant.privilege == "SELECT" && !grant.grantee.as_str().starts_with("pg_"))
}

/// Whether a text that PostgreSQL printed names the relation, qualified by its schema.
#[must_use]
pub fn names(text: &str, relation: &RelName) -> bool {
    let qualified = format!("{}.{}", printed(&relation.schema), printed(&relation.name));
    let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '"');
    text.match_indices(&qualified).any(|(at, found)| {
        let (before, after) = (&text[..at], &text[at + found.len()..]);
        !before.ends_with(word) && !after.starts_with(word)
    })
}

/// A name as PostgreSQL prints it: quoted only when it must be.
fn printed(name: &Ident) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let text = name.as_str();
    let starts = text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    if starts && text.chars().all(plain) { text.to_owned() } else { name.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_are_found_by_whole_names() {
        let orders = RelName::new("app", "orders");
        assert!(names("SELECT o.id FROM app.orders o", &orders));
        assert!(!names("SELECT id FROM app.orders_old", &orders));
        assert!(!names("SELECT id FROM my_app.orders", &orders));
        assert!(names(" FROM app.\"Orders\";", &RelName::new("app", "Orders")));
    }
}
