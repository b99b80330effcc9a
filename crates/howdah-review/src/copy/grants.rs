//! Roles and privileges of the copy.

use std::collections::BTreeSet;

use howdah_catalog::{Catalog, Grant, GrantTarget, Ident, RelationKind};

use super::Making;

/// The roles that grants and policies name and that the scratch server may lack.
pub(super) fn roles(catalog: &Catalog) -> BTreeSet<Ident> {
    let policies = catalog.relations.values().flat_map(|table| &table.policies);
    let named = policies
        .flat_map(|policy| &policy.roles)
        .chain(catalog.grants.iter().map(|grant| &grant.grantee));
    named.filter(|role| !is_of_the_server(role)).cloned().collect()
}

/// `public` and the roles that every server has.
fn is_of_the_server(role: &Ident) -> bool {
    role.as_str() == "public" || role.as_str().starts_with("pg_")
}

/// A role as a grant or policy names it: `public` is a word, not a name.
pub(super) fn role_sql(role: &Ident) -> String {
    if role.as_str() == "public" { "public".to_owned() } else { role.to_string() }
}

/// First everything is taken from everybody, then what the target grants is granted.
pub(super) fn makings(catalog: &Catalog) -> Vec<Making> {
    let mut makings: Vec<Making> = catalog
        .functions
        .iter()
        .filter(|function| {
            !catalog.grants.iter().any(|grant| {
                grant.grantee.as_str() == "public"
                    && matches!(&grant.target, GrantTarget::Function(name, arguments)
                        if *name == function.name && *arguments == function.arguments)
            })
        })
        .map(|function| {
            let named = format!("{}({})", function.name, function.arguments);
            Making::new(
                format!("privileges on function {}", function.name.plain()),
                format!("revoke execute on routine {named} from public"),
            )
        })
        .collect();
    makings.extend(catalog.grants.iter().filter_map(|grant| granted(catalog, grant)));
    makings
}

fn granted(catalog: &Catalog, grant: &Grant) -> Option<Making> {
    // A newer server may know privileges that the scratch server does not; they fail and are told.
    let privilege = grant.privilege.to_ascii_lowercase();
    let (what, on) = match &grant.target {
        // Whoever may connect to or make temporary tables in the copy is ours to say.
        GrantTarget::Database => return None,
        GrantTarget::Schema(name) => (privilege, format!("schema {name}")),
        GrantTarget::Relation(name) => {
            let kind = catalog.relation(name)?.kind;
            let word = if kind == RelationKind::Sequence { "sequence" } else { "table" };
            (privilege, format!("{word} {name}"))
        }
        GrantTarget::Column(name, column) => {
            (format!("{privilege} ({column})"), format!("table {name}"))
        }
        // What everybody may do by default, everybody may do on the copy.
        GrantTarget::Function(..) | GrantTarget::Type(_) if grant.grantee.as_str() == "public" => {
            return None;
        }
        GrantTarget::Function(name, arguments) => {
            (privilege, format!("routine {name}({arguments})"))
        }
        GrantTarget::Type(name) => (privilege, format!("type {name}")),
    };
    let to = role_sql(&grant.grantee);
    Some(Making::new(
        format!("privilege of {} on {on}", grant.grantee.as_str()),
        format!("grant {what} on {on} to {to}"),
    ))
}
