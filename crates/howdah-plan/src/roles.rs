//! The group roles, and what they may do in howdah's own schema.
//!
//! Roles belong to the whole cluster, so creating one needs a right that the owner of a database
//! may lack. Then the plan says which SQL an administrator has to run, and goes on: nothing else
//! depends on the roles but the grants to them.

use howdah_catalog::{Catalog, Grant, GrantTarget, Ident, Literal, RelName};
use howdah_system::System;

use crate::step::{Note, Plan, Step};

pub(crate) fn plan(plan: &mut Plan, system: &System, catalog: &Catalog) {
    for role in [&system.roles.writer, &system.roles.reader, &system.roles.auditor] {
        if catalog.roles.contains_key(role) {
            continue;
        }
        if !(catalog.server.can_create_role || catalog.server.is_superuser) {
            plan.notes.push(Note {
                message: format!(
                    "the role \"{}\" is missing and this login may not create it",
                    role.as_str()
                ),
                hint: Some(format!(
                    "An administrator can run: create role {role} nologin; \
                     the next apply grants to it."
                )),
            });
            continue;
        }
        plan.steps.push(
            Step::new(
                format!("role {}", role.as_str()),
                format!("make the group role {}", role.as_str()),
                vec![format!("create role {role} nologin")],
            )
            .undo(vec![format!("drop role {role}")])
            .check(format!(
                "select exists (select from pg_catalog.pg_roles where rolname = {})",
                Literal(role.as_str())
            )),
        );
    }
    own_schema(plan, system, catalog);
}

/// The writer may move positions and keep dead letters; everybody may ask for their tenant.
fn own_schema(plan: &mut Plan, system: &System, catalog: &Catalog) {
    let writer = &system.roles.writer;
    let mut grants =
        vec![Wanted::schema("howdah", &Ident::new("public")), Wanted::schema("howdah", writer)];
    for (table, privileges) in [
        ("positions", &["SELECT", "INSERT", "UPDATE"][..]),
        ("dead_letters", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
        ("http_requests", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
        ("api_keys", &["SELECT"]),
        ("losses", &["SELECT", "INSERT"]),
        ("rollups", &["SELECT"]),
        ("generation", &["SELECT"]),
        ("version", &["SELECT"]),
        ("folds", &["SELECT"]),
        ("layouts", &["SELECT"]),
        ("folded", &["SELECT"]),
    ] {
        let relation = RelName::new("howdah", table);
        grants.extend(
            privileges.iter().map(|privilege| Wanted::relation(&relation, writer, privilege)),
        );
    }
    push_grants(plan, catalog, "grants howdah", "howdah's own tables", &grants);
}

/// A privilege that should be there.
pub(crate) struct Wanted {
    target: GrantTarget,
    grantee: Ident,
    privilege: String,
}

impl Wanted {
    pub(crate) fn schema(schema: &str, grantee: &Ident) -> Self {
        Self {
            target: GrantTarget::Schema(Ident::new(schema)),
            grantee: grantee.clone(),
            privilege: "USAGE".to_owned(),
        }
    }

    pub(crate) fn relation(relation: &RelName, grantee: &Ident, privilege: &str) -> Self {
        Self {
            target: GrantTarget::Relation(relation.clone()),
            grantee: grantee.clone(),
            privilege: privilege.to_owned(),
        }
    }

    fn held(&self, catalog: &Catalog) -> bool {
        catalog.grants.iter().any(|grant| {
            grant.target == self.target
                && grant.grantee == self.grantee
                && grant.privilege == self.privilege
        })
    }

    fn object(&self) -> String {
        match &self.target {
            GrantTarget::Schema(schema) => format!("schema {schema}"),
            GrantTarget::Relation(relation) => relation.to_string(),
            _ => String::new(),
        }
    }

    fn sql(&self, verb: &str, preposition: &str) -> String {
        format!(
            "{verb} {} on {} {preposition} {}",
            self.privilege.to_lowercase(),
            self.object(),
            role(&self.grantee)
        )
    }

    /// Whether the grant itself is there: a privilege that comes from elsewhere (`public`, another
    /// role) may go away without it.
    fn check(&self) -> String {
        let (from, object) = match &self.target {
            GrantTarget::Schema(schema) => (
                "pg_catalog.pg_namespace o, aclexplode(o.nspacl) a",
                format!("o.nspname = {}", Literal(schema.as_str())),
            ),
            _ => (
                "pg_catalog.pg_class o, aclexplode(o.relacl) a",
                format!("o.oid = to_regclass({})", Literal(&self.object())),
            ),
        };
        let grantee = match self.grantee.as_str() {
            "public" => "0".to_owned(),
            role => {
                format!("(select oid from pg_catalog.pg_roles where rolname = {})", Literal(role))
            }
        };
        format!(
            "exists (select from {from} where {object} and a.grantee = {grantee} \
             and a.privilege_type = '{}')",
            self.privilege
        )
    }
}

/// `public` is a keyword in grants and policies, not a name.
pub(crate) fn role(role: &Ident) -> String {
    if role.as_str() == "public" { "public".to_owned() } else { role.to_string() }
}

/// The statement that grants what `grant` says, when it is on `table` or a column of it.
pub(crate) fn grant_sql(grant: &Grant, table: &RelName) -> Option<String> {
    let option = if grant.grantable { " with grant option" } else { "" };
    let privilege = grant.privilege.to_lowercase();
    let on = match &grant.target {
        GrantTarget::Relation(name) if name == table => format!("{privilege} on {table}"),
        GrantTarget::Column(name, column) if name == table => {
            format!("{privilege} ({column}) on {table}")
        }
        _ => return None,
    };
    Some(format!("grant {on} to {}{option}", role(&grant.grantee)))
}

/// One step for the privileges of `wanted` that are not held; roles that are neither there nor
/// planned are left out.
pub(crate) fn push_grants(
    plan: &mut Plan,
    catalog: &Catalog,
    id: &str,
    what: &str,
    wanted: &[Wanted],
) {
    let exists = |name: &Ident| {
        name.as_str() == "public"
            || catalog.roles.contains_key(name)
            || plan.steps.iter().any(|step| step.id == format!("role {}", name.as_str()))
    };
    let missing: Vec<&Wanted> =
        wanted.iter().filter(|grant| exists(&grant.grantee) && !grant.held(catalog)).collect();
    if missing.is_empty() {
        return;
    }
    let checks: Vec<String> = missing.iter().map(|grant| grant.check()).collect();
    plan.steps.push(
        Step::new(
            id,
            format!("grant on {what}"),
            missing.iter().map(|grant| grant.sql("grant", "to")).collect(),
        )
        .undo(missing.iter().map(|grant| grant.sql("revoke", "from")).collect())
        .check(format!("select {}", checks.join(" and "))),
    );
}
