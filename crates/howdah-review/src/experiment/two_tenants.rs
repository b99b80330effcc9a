//! Row security attacked: two tenants, a row each, and every way from one to the other.
//!
//! All is done in one transaction as the superuser of the scratch server and rolled back. The rows
//! are written past triggers and foreign keys; the attacks run as a role that has what PUBLIC and
//! the table's grantees have, and nothing else.

use std::collections::BTreeSet;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use howdah_catalog::{
    Catalog, Column, FunctionKind, Ident, Literal, RelName, Relation, RelationKind,
};
use howdah_error::Result;
use howdah_pg::{Connection, from_pg};
use tokio_postgres::SimpleQueryMessage;

use super::{Experiment, Lab, Verdict, nothing_shown};
use crate::finding::{Expect, Login, Reproducer};
use crate::row_security::{grants_on, names};

/// The attacker.
const ROLE: &str = "howdah_tenant";

/// What tells the tenants of a table apart.
#[derive(Debug)]
pub struct TenantKey {
    /// The column.
    pub column: Ident,
    /// The setting of the session that the policies compare it with.
    pub setting: String,
}

/// Two tenants in one table.
#[derive(Debug)]
pub struct TwoTenants {
    /// The table.
    pub table: RelName,
    /// What tells them apart.
    pub key: TenantKey,
}

/// One way from a tenant to the other: its name and SQL whose last query gives a row when it
/// worked.
struct Attack {
    way: String,
    sql: String,
}

impl Experiment for TwoTenants {
    fn run<'a>(&'a self, lab: &'a Lab<'a>) -> BoxFuture<'a, Result<Verdict>> {
        async move {
            // What was not seen to cross is not reported, so all that cannot be tried is dropped.
            let Some(catalog) = &lab.facts().catalog else { return Ok(Verdict::Disputed) };
            let Some(table) = catalog.relation(&self.table) else { return Ok(Verdict::Disputed) };
            let Some(setup) = self.setup(catalog, table) else { return Ok(Verdict::Disputed) };
            let database = lab.trial().await?;
            let connection = database.admin().await?;
            let verdict = self.attack_all(&connection, catalog, table, &setup).await;
            connection.close().await;
            verdict.or_else(nothing_shown)
        }
        .boxed()
    }
}

impl TwoTenants {
    async fn attack_all(
        &self,
        connection: &Connection,
        catalog: &Catalog,
        table: &Relation,
        setup: &str,
    ) -> Result<Verdict> {
        let failed = |error| from_pg("could not make two tenants", &error);
        connection.batch_execute(setup).await.map_err(failed)?;
        let mut crossed: Vec<Attack> = Vec::new();
        let mut tried = 0;
        for attack in self.attacks(catalog, table) {
            connection.batch_execute("savepoint howdah_attack").await.map_err(failed)?;
            let answer = connection.simple_query(&attack.sql).await;
            let back = "rollback to savepoint howdah_attack";
            connection.batch_execute(back).await.map_err(failed)?;
            tried += 1;
            // What fails was kept off.
            let rows = |messages: &[SimpleQueryMessage]| {
                messages.iter().any(|message| matches!(message, SimpleQueryMessage::Row(_)))
            };
            if answer.is_ok_and(|messages| rows(&messages)) {
                crossed.push(attack);
            }
        }
        let Some(first) = crossed.first() else { return Ok(Verdict::Disputed) };
        let reproducer = Reproducer {
            before: None,
            sql: format!("{setup};\n{}", first.sql),
            expect: Expect::Rows,
            login: Login::Superuser,
        };
        let ways: Vec<&str> = crossed.iter().map(|attack| attack.way.as_str()).collect();
        let crossing = format!("Of {tried} ways these crossed: {}.", ways.join("; "));
        Ok(Verdict::Proved(reproducer, Some(crossing)))
    }

    /// The two values that the tenants have.
    fn tenants(&self, table: &Relation) -> Option<(String, String)> {
        let column = table.column(self.key.column.as_str())?;
        let (one, other) = match column.type_base.as_str() {
            "uuid" => {
                ("00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b")
            }
            "text" | "varchar" | "bpchar" => ("tenant_a", "tenant_b"),
            "int2" | "int4" | "int8" | "numeric" => ("11", "22"),
            _ => return None,
        };
        Some((one.to_owned(), other.to_owned()))
    }

    /// Begins, writes a row of each tenant past all triggers, and becomes the first tenant.
    fn setup(&self, catalog: &Catalog, table: &Relation) -> Option<String> {
        let (one, other) = self.tenants(table)?;
        let role = Ident::new(ROLE);
        let rows = [self.row(table, &one, 1)?, self.row(table, &other, 2)?].join(";\n");
        let mut members: BTreeSet<&Ident> =
            grants_on(catalog, &self.table).map(|grant| &grant.grantee).collect();
        members.extend(table.policies.iter().flat_map(|policy| &policy.roles));
        let mut grants = String::new();
        let granted =
            !members.is_empty() && members.iter().any(|member| member.as_str() != "public");
        for member in members.into_iter().filter(|m| {
            m.as_str() != "public"
                && !m.as_str().starts_with("pg_")
                && !catalog.roles.get(*m).is_some_and(|r| r.superuser || r.bypass_rls)
        }) {
            grants.push_str(&format!("grant {member} to {role};\n"));
        }
        if !granted {
            // No role is there yet: what any application is given.
            grants.push_str(&format!(
                "grant select, insert, update, delete on {} to {role};\n",
                self.table
            ));
        }
        grants.push_str(&format!("grant usage on schema {} to {role}", self.table.schema));
        Some(format!(
            "begin;\nset local session_replication_role to replica;\n{rows};\n\
             set local session_replication_role to origin;\n\
             create role {role} inherit;\n{grants};\n\
             set local role {role};\n\
             do $$ begin perform set_config({}, {}, true); end $$",
            Literal(&self.key.setting),
            Literal(&one)
        ))
    }

    /// A row of a tenant; columns that may be null or have a default are left out.
    fn row(&self, table: &Relation, tenant: &str, number: u32) -> Option<String> {
        let mut columns = vec![self.key.column.to_string()];
        let mut values = vec![Literal(tenant).to_string()];
        for column in &table.columns {
            let is_key = column.name == self.key.column;
            let filled = column.default.is_some() || column.identity.is_some();
            if is_key || filled || !column.not_null {
                continue;
            }
            columns.push(column.name.to_string());
            values.push(value(column, number)?);
        }
        let (columns, values) = (columns.join(", "), values.join(", "));
        Some(format!("insert into {} ({columns}) values ({values})", self.table))
    }

    fn attacks(&self, catalog: &Catalog, table: &Relation) -> Vec<Attack> {
        let Some((one, other)) = self.tenants(table) else { return Vec::new() };
        let (name, column) = (&self.table, &self.key.column);
        let theirs = format!("{column}::text = {}", Literal(&other));
        let any = |relation: &RelName| format!("select 1 from {relation} where {theirs}");
        let mut attacks = Vec::new();
        let mut add = |way: &str, sql: String| attacks.push(Attack { way: way.to_owned(), sql });
        add("select", any(name));
        add("update", format!("update {name} set {column} = {column} where {theirs} returning 1"));
        add("delete", format!("delete from {name} where {theirs} returning 1"));
        // Without "returning" a policy for reading does not help: the row is looked for afterwards.
        let seen = format!("reset role;\nselect 1 from {name} where {theirs} offset 1");
        if let Some(row) = self.row(table, &other, 3) {
            add("insert for the other tenant", format!("{row};\n{seen}"));
        }
        add(
            "update of an own row to the other tenant",
            format!(
                "update {name} set {column} = {} where {column}::text = {};\n{seen}",
                Literal(&other),
                Literal(&one)
            ),
        );
        add(
            "delete without a condition",
            format!("delete from {name};\nreset role;\nselect 1 where not exists ({})", any(name)),
        );
        let unset = format!(
            "do $$ begin perform set_config({}, '', true); end $$",
            Literal(&self.key.setting)
        );
        add("select with no tenant set", format!("{unset};\n{}", any(name)));
        for relation in catalog.relations.values() {
            attacks.extend(self.through(catalog, relation, &any));
        }
        attacks.extend(self.through_functions(catalog, &other));
        attacks
    }

    /// The ways through another relation: partitions by themselves, views and materialized views.
    fn through(
        &self,
        catalog: &Catalog,
        relation: &Relation,
        any: &dyn Fn(&RelName) -> String,
    ) -> Option<Attack> {
        let plain = relation.name.plain();
        let has_key = relation.column(self.key.column.as_str()).is_some();
        let definition = relation.definition.as_deref().unwrap_or_default();
        let way = match relation.kind {
            RelationKind::Table if self.holds(catalog, relation) => {
                format!("partition {plain} by itself")
            }
            RelationKind::View if names(definition, &self.table) => format!("view {plain}"),
            RelationKind::MaterializedView if names(definition, &self.table) => {
                format!("materialized view {plain}")
            }
            _ => return None,
        };
        if !has_key {
            return None;
        }
        let sql = match relation.kind {
            RelationKind::MaterializedView => format!(
                "reset role;\nrefresh materialized view {};\nset local role {};\n{}",
                relation.name,
                Ident::new(ROLE),
                any(&relation.name)
            ),
            _ => any(&relation.name),
        };
        Some(Attack { way, sql })
    }

    /// Whether the relation is a partition of the table, at any depth.
    fn holds(&self, catalog: &Catalog, relation: &Relation) -> bool {
        let mut part = Some(relation);
        while let Some(above) = part.and_then(|part| part.partition_of.as_ref()) {
            if above.parent == self.table {
                return true;
            }
            part = catalog.relation(&above.parent);
        }
        false
    }

    /// Functions with their owner's rights that need no argument and name the table.
    fn through_functions<'a>(
        &'a self,
        catalog: &'a Catalog,
        other: &'a str,
    ) -> impl Iterator<Item = Attack> + 'a {
        let bare = self.table.name.as_str();
        let may = catalog.functions.iter().filter(move |function| {
            function.kind == FunctionKind::Function
                && function.security_definer
                && function.arguments.is_empty()
                && function.body.contains(bare)
                && !matches!(function.result.as_deref(), Some("trigger" | "event_trigger"))
        });
        may.map(move |function| Attack {
            way: format!("function {}()", function.name.plain()),
            sql: format!(
                "select 1 from {}() as answer where answer::text like {}",
                function.name,
                Literal(&format!("%{other}%"))
            ),
        })
    }
}

/// A value for a column that must have one; `None` for types that cannot be guessed.
fn value(column: &Column, number: u32) -> Option<String> {
    let text = match column.type_base.as_str() {
        "uuid" => format!("00000000-0000-4000-8000-{number:012}"),
        "text" | "varchar" | "bpchar" | "name" | "citext" | "int2" | "int4" | "int8"
        | "numeric" | "float4" | "float8" | "oid" => number.to_string(),
        "bool" => "true".to_owned(),
        "date" => "2026-01-01".to_owned(),
        "timestamptz" | "timestamp" => "2026-01-01 00:00:00".to_owned(),
        "time" | "timetz" => "12:00:00".to_owned(),
        "interval" => format!("{number} seconds"),
        "json" | "jsonb" => "{}".to_owned(),
        "bytea" => format!("\\x{number:02}"),
        "inet" | "cidr" => format!("10.0.0.{number}"),
        array if array.starts_with('_') => "{}".to_owned(),
        _ => return None,
    };
    Some(Literal(&text).to_string())
}
