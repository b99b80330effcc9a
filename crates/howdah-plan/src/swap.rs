//! The moment in which a partitioned table takes the name of a plain one.
//!
//! One transaction under `access exclusive`: the old table is renamed (and, when it has rows,
//! becomes the first partition), a partitioned table is made like it, and everything that hangs on
//! the name follows: indexes, constraints, foreign keys, sequences, identities, grants, policies,
//! comments, views. No row is copied.

use howdah_catalog::{
    Catalog, ConstraintKind, GrantTarget, Literal, PolicyCommand, RelName, Relation, name,
};
use howdah_system::Stream;

use crate::chunk::{self, chunk_name};
use crate::facts::TableFacts;
use crate::index::{self, Needed};
use crate::roles::{grant_sql, role};
use crate::step::{Lock, LockMode, Step};

/// The check constraint that proves where the rows of a table end.
pub(crate) const UNTIL: &str = "howdah_until";

/// What the swap of a table needs to know.
pub(crate) struct Swap<'a> {
    pub(crate) stream: &'a Stream,
    pub(crate) relation: &'a Relation,
    pub(crate) catalog: &'a Catalog,
    pub(crate) known: &'a TableFacts,
    /// Indexes that the stream needs and the table lacks, or lacked when it was looked at.
    pub(crate) missing: &'a [Needed],
}

impl Swap<'_> {
    /// The swap of a table without rows; that it has none is checked again under the lock.
    pub(crate) fn empty(&self) -> Step {
        let table = &self.stream.table;
        let old = chunk_name(table, "howdah_old");
        let mut sql = vec![
            format!("lock table {table} in access exclusive mode"),
            format!(
                "do $howdah$ begin if exists (select from {table}) then raise exception \
                 'table % has rows by now', {} using hint = 'Plan again.'; end if; end $howdah$",
                Literal(&table.plain())
            ),
        ];
        sql.extend(self.succeed(&old));
        sql.push(format!("drop table {old}"));
        Step::new(
            format!("partition {}", table.plain()),
            format!(
                "partition {} (it has no rows) by {}",
                table.plain(),
                self.stream.time.as_str()
            ),
            sql,
        )
        .lock(Lock::moment(LockMode::AccessExclusive, table))
        .check(partitioned_check(table))
    }

    /// The swap of a table with rows, whose rows all lie before `until_us`.
    pub(crate) fn full(&self, until_us: i64) -> Step {
        let table = &self.stream.table;
        let text = chunk::time_text(until_us, self.stream.time_type);
        let stamp = text.get(..10).unwrap_or(&text).replace('-', "");
        let old = chunk_name(table, &format!("until_{stamp}"));
        let mut sql = vec![format!("lock table {table} in access exclusive mode")];
        sql.extend(self.succeed(&old));
        sql.push(format!("alter table {table} drop constraint {UNTIL}"));
        for column in self.relation.columns.iter().filter(|column| column.identity.is_some()) {
            sql.push(format!("alter table {old} alter column {} drop identity", column.name));
        }
        sql.push(format!(
            "alter table {table} attach partition {old} for values from (minvalue) to ({})",
            Literal(&text)
        ));
        sql.push(format!("alter table {old} drop constraint {UNTIL}"));
        sql.push(chunk::close(&old));
        for grantee in grantees(self.catalog, table) {
            sql.push(format!("revoke all on {old} from {grantee}"));
        }
        for policy in &self.relation.policies {
            sql.push(format!("drop policy {} on {old}", policy.name));
        }
        Step::new(
            format!("partition {}", table.plain()),
            format!(
                "partition {} by {}; its rows stay where they are and become the chunk {}",
                table.plain(),
                self.stream.time.as_str(),
                old.name.as_str()
            ),
            sql,
        )
        .lock(Lock::moment(LockMode::AccessExclusive, table))
        .check(partitioned_check(table))
    }

    /// The table becomes `old`, in the schema of chunks so that every name is free, and a
    /// partitioned table with all that hung on it takes its place.
    fn succeed(&self, old: &RelName) -> Vec<String> {
        let table = &self.stream.table;
        let mut sql = Vec::new();
        for (_, sequence) in owned_defaults(self.relation, self.known) {
            sql.push(format!("alter sequence {sequence} owned by none"));
        }
        sql.push(format!("alter table {table} rename to {}", old.name));
        let renamed = RelName::new(table.schema.as_str(), old.name.as_str());
        sql.push(format!("alter table {renamed} set schema {}", old.schema));
        sql.push(format!(
            "create table {table} (like {old} including all excluding indexes) \
             partition by range ({})",
            self.stream.time
        ));
        sql.extend(index::on_new_parent(table, self.relation, self.missing));
        sql.extend(follow(self.relation, self.catalog, self.known, table, old));
        sql
    }
}

fn partitioned_check(table: &RelName) -> String {
    format!(
        "select coalesce((select relkind = 'p' from pg_catalog.pg_class \
         where oid = to_regclass({})), false)",
        Literal(&table.to_string())
    )
}

/// Sequences behind `serial` columns: they belong to the table, not to its first partition.
fn owned_defaults<'a>(
    relation: &'a Relation,
    known: &'a TableFacts,
) -> impl Iterator<Item = (&'a str, &'a RelName)> {
    known.sequences.iter().filter_map(|(column, sequence)| {
        let identity = relation.column(column).is_some_and(|column| column.identity.is_some());
        (!identity).then_some((column.as_str(), sequence))
    })
}

/// What `like … including all` leaves behind.
fn follow(
    relation: &Relation,
    catalog: &Catalog,
    known: &TableFacts,
    table: &RelName,
    old: &RelName,
) -> Vec<String> {
    let mut sql = Vec::new();
    for (column, sequence) in owned_defaults(relation, known) {
        let column = howdah_catalog::Ident::new(column);
        sql.push(format!("alter sequence {sequence} owned by {table}.{column}"));
    }
    for column in relation.columns.iter().filter(|column| column.identity.is_some()) {
        let name = Literal(column.name.as_str());
        sql.push(format!(
            "select setval(pg_get_serial_sequence({}, {name}), \
             nextval(pg_get_serial_sequence({}, {name})), false)",
            Literal(&table.to_string()),
            Literal(&old.to_string())
        ));
    }
    for constraint in &relation.constraints {
        if constraint.kind == ConstraintKind::ForeignKey {
            sql.push(format!(
                "alter table {table} add constraint {} {}",
                constraint.name, constraint.definition
            ));
        }
    }
    if let Some(comment) = &relation.comment {
        sql.push(format!("comment on table {table} is {}", Literal(comment)));
    }
    sql.extend(grants(catalog, table));
    if relation.row_security {
        sql.push(format!("alter table {table} enable row level security"));
    }
    if relation.force_row_security {
        sql.push(format!("alter table {table} force row level security"));
    }
    sql.extend(relation.policies.iter().map(|policy| policy_sql(table, policy)));
    for (view, definition) in &known.views {
        // Replacing a view replaces its options too; without security_invoker it would read with
        // the rights of its owner.
        let options = catalog.relation(view).map(|view| view.options.join(", "));
        let with = options
            .filter(|options| !options.is_empty())
            .map(|options| format!(" with ({options})"))
            .unwrap_or_default();
        sql.push(format!("create or replace view {view}{with} as {definition}"));
    }
    sql
}

fn policy_sql(table: &RelName, policy: &howdah_catalog::Policy) -> String {
    let command = match policy.command {
        PolicyCommand::Select => "select",
        PolicyCommand::Insert => "insert",
        PolicyCommand::Update => "update",
        PolicyCommand::Delete => "delete",
        PolicyCommand::All | PolicyCommand::Other(_) => "all",
    };
    let kind = if policy.permissive { "permissive" } else { "restrictive" };
    let roles = name::list(policy.roles.iter().map(role));
    let using = policy.using.as_ref().map(|using| format!(" using ({using})")).unwrap_or_default();
    let check =
        policy.check.as_ref().map(|check| format!(" with check ({check})")).unwrap_or_default();
    format!(
        "create policy {} on {table} as {kind} for {command} to {roles}{using}{check}",
        policy.name
    )
}

fn grants(catalog: &Catalog, table: &RelName) -> Vec<String> {
    catalog.grants.iter().filter_map(|grant| grant_sql(grant, table)).collect()
}

fn grantees(catalog: &Catalog, table: &RelName) -> Vec<String> {
    let owner = catalog.relation(table).map(|relation| relation.owner.clone());
    let mut out: Vec<String> = catalog
        .grants
        .iter()
        .filter(|grant| Some(&grant.grantee) != owner.as_ref())
        .filter(|grant| match &grant.target {
            GrantTarget::Relation(name) | GrantTarget::Column(name, _) => name == table,
            _ => false,
        })
        .map(|grant| role(&grant.grantee))
        .collect();
    out.sort();
    out.dedup();
    out
}
