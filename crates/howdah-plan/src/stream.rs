//! A table becomes a stream: partitioned by its time column, chunks ahead, partitions closed.

use howdah_catalog::{
    Catalog, ConstraintKind, Grant, GrantTarget, Literal, PartitionKey, PartitionStrategy, RelName,
    Relation, RelationKind,
};
use howdah_error::{Code, Error, Kind, Result};
use howdah_system::{Stream, System};

use crate::chunk::{self, Chunk};
use crate::facts::{Facts, TableFacts};
use crate::index;
use crate::roles::{grant_sql, role};
use crate::step::{Lock, LockMode, Note, Plan, Step};
use crate::swap::{self, Swap};

pub(crate) fn plan(
    plan: &mut Plan,
    system: &System,
    stream: &Stream,
    catalog: &Catalog,
    facts: &Facts,
) -> Result<()> {
    let Some(relation) = catalog.relation(&stream.table) else {
        return Err(refuse(stream, "it does not exist").hint("Create it in a migration."));
    };
    let mut covered = chunk::covered(catalog, &stream.table);
    let missing = index::missing(system, stream, relation);
    match relation.kind {
        RelationKind::PartitionedTable => {
            check_partitioning(stream, relation)?;
            check_nested(stream, catalog)?;
            note_default(plan, stream, relation);
            index::plan(plan, relation, catalog, &missing);
        }
        RelationKind::Table => {
            let known = facts.tables.get(&stream.table).cloned().unwrap_or_default();
            check_swappable(stream, relation, catalog, &known)?;
            let swap = Swap { stream, relation, catalog, known: &known, missing: &missing };
            if facts.is_empty(relation) {
                plan.steps.push(swap.empty());
            } else {
                index::plan(plan, relation, catalog, &missing);
                covered.push(i64::MIN..convert_full(plan, &swap, facts)?);
            }
        }
        _ => return Err(refuse(stream, "it is not a table")),
    }
    for chunk in chunk::missing_ahead(stream, &covered, facts.now_us) {
        plan.steps.push(chunk::create_step(stream, chunk));
    }
    close_partitions(plan, stream, catalog);
    Ok(())
}

/// A default partition is not howdah's way, but an adopted table may have one.
fn note_default(plan: &mut Plan, stream: &Stream, relation: &Relation) {
    let default = relation.partitioning.as_ref().and_then(|parts| parts.default_partition.as_ref());
    if let Some(default) = default {
        plan.notes.push(Note {
            message: format!(
                "\"{}\" has a default partition, \"{}\"",
                stream.table.plain(),
                default.plain()
            ),
            hint: Some(
                "Rows in it stop the chunks that would hold them from being made: move them out \
                 and drop it."
                    .to_owned(),
            ),
        });
    }
}

fn refuse(stream: &Stream, why: &str) -> Error {
    Error::new(
        Kind::Conflict,
        format!("table \"{}\" cannot become a stream: {why}", stream.table.plain()),
    )
    .code(Code::CannotBecomeStream)
}

fn check_partitioning(stream: &Stream, relation: &Relation) -> Result<()> {
    let fits = relation.partitioning.as_ref().is_some_and(|parts| {
        parts.strategy == PartitionStrategy::Range
            && parts.keys == [PartitionKey::Column(stream.time.clone())]
    });
    if fits {
        return Ok(());
    }
    Err(refuse(stream, "it is partitioned by something else than its time column")
        .hint(format!("howdah needs `partition by range ({})`.", stream.time)))
}

/// A unique index must hold the partition columns of every partition that is itself partitioned.
fn check_nested(stream: &Stream, catalog: &Catalog) -> Result<()> {
    for partition in partitions_below(catalog, &stream.table) {
        let keys = partition.partitioning.iter().flat_map(|parts| &parts.keys);
        let outside =
            |key: &PartitionKey| !matches!(key, PartitionKey::Column(c) if stream.key.contains(c));
        if !stream.key.is_empty() && keys.into_iter().any(outside) {
            return Err(refuse(stream, "a partition of it is partitioned outside the key")
                .detail(format!("The partition is \"{}\".", partition.name.plain()))
                .hint("A unique key must hold its partition columns: add them to `key`."));
        }
    }
    Ok(())
}

/// What would not follow the table when another takes its name.
fn check_swappable(
    stream: &Stream,
    relation: &Relation,
    catalog: &Catalog,
    known: &TableFacts,
) -> Result<()> {
    if let Some(other) = known.referenced_by.first() {
        return Err(refuse(stream, "a foreign key refers to it")
            .detail(format!("\"{}\" references it.", other.plain()))
            .hint("Drop that foreign key in a migration; events are not referenced by key."));
    }
    if let Some(trigger) = relation.triggers.first() {
        return Err(refuse(stream, "it has a trigger")
            .detail(format!("The trigger is \"{}\".", trigger.name.as_str()))
            .hint(
                "Drop it in a migration; what it keeps up can be a rollup or a state, which is \
                 right at commit without a trigger.",
            ));
    }
    if !relation.inherits.is_empty() || relation.partition_of.is_some() {
        return Err(refuse(stream, "it is a child of another table"));
    }
    if let Some(child) =
        catalog.relations.values().find(|other| other.inherits.contains(&relation.name))
    {
        return Err(refuse(stream, "it has a child by inheritance")
            .detail(format!("\"{}\" inherits from it.", child.name.plain()))
            .hint("Cut it off in a migration: alter table … no inherit …;"));
    }
    if let Some(constraint) =
        relation.constraints.iter().find(|constraint| constraint.kind == ConstraintKind::Exclusion)
    {
        return Err(refuse(stream, "it has an exclusion constraint")
            .detail(format!("\"{}\" cannot hold across partitions.", constraint.name.as_str())));
    }
    if let Some(constraint) = relation
        .constraints
        .iter()
        .find(|constraint| !constraint.validated && constraint.name.as_str() != swap::UNTIL)
    {
        return Err(refuse(stream, "it has a constraint that is not validated")
            .detail(format!("The constraint is \"{}\".", constraint.name.as_str()))
            .hint(format!(
                "alter table {} validate constraint {};",
                stream.table, constraint.name
            )));
    }
    if let Some(other) = known.other_dependents.first() {
        return Err(refuse(stream, "something depends on it that cannot follow")
            .detail(format!("It is {other}."))
            .hint("Drop it in a migration and make it again after apply."));
    }
    Ok(())
}

/// A table with rows becomes the first partition, untouched: its rows are proved to lie before a
/// boundary while reads and writes go on, then the names are swapped in a moment. Gives the
/// boundary.
fn convert_full(plan: &mut Plan, swap: &Swap<'_>, facts: &Facts) -> Result<i64> {
    // Rows of the present must fit while the conversion goes on, or the table would refuse them.
    const LEEWAY_US: i64 = 24 * 3600 * 1_000_000;
    let Swap { stream, relation, known, .. } = swap;
    let at_least = |time_us: i64| Chunk::holding(stream.chunk, time_us).map(|chunk| chunk.to_us);
    let until = known_boundary(relation)
        .filter(|until| *until > facts.now_us)
        .or_else(|| {
            let newest = known.newest_us.unwrap_or(facts.now_us);
            at_least(newest.max(facts.now_us.saturating_add(LEEWAY_US)))
        })
        .ok_or_else(|| refuse(stream, "it holds times outside the years 1 to 9999"))?;
    let table = &stream.table;
    let text = chunk::time_text(until, stream.time_type);
    let constraint = relation
        .constraints
        .iter()
        .find(|c| c.name.as_str() == swap::UNTIL && known_boundary(relation) == Some(until));
    if constraint.is_none() {
        // One of a conversion that was broken off long ago refuses the rows of today.
        plan.steps.push(
            Step::new(
                format!("bound {}", table.plain()),
                format!("promise that rows of {} lie before {text}", table.plain()),
                vec![
                    format!("alter table {table} drop constraint if exists {}", swap::UNTIL),
                    format!(
                        "alter table {table} add constraint {} check ({} < {}) not valid",
                        swap::UNTIL,
                        stream.time,
                        Literal(&text)
                    ),
                ],
            )
            .lock(Lock::moment(LockMode::AccessExclusive, table))
            .undo(vec![format!("alter table {table} drop constraint {}", swap::UNTIL)])
            .check(constraint_check(table, &holds_boundary(&text))),
        );
    }
    if !constraint.is_some_and(|constraint| constraint.validated) {
        plan.steps.push(
            Step::new(
                format!("prove {}", table.plain()),
                format!("prove it over the rows of {}", table.plain()),
                vec![format!("alter table {table} validate constraint {}", swap::UNTIL)],
            )
            .lock(Lock::working(LockMode::ShareUpdateExclusive, table))
            .undo(Vec::new())
            .check(constraint_check(table, &format!("convalidated and {}", holds_boundary(&text)))),
        );
    }
    plan.steps.push(swap.full(until));
    Ok(until)
}

fn constraint_check(table: &RelName, condition: &str) -> String {
    format!(
        "select exists (select from pg_catalog.pg_constraint where conrelid = to_regclass({}) \
         and conname = '{}' and {condition})",
        Literal(&table.to_string()),
        swap::UNTIL
    )
}

/// Whether the constraint's definition speaks of that time.
fn holds_boundary(text: &str) -> String {
    format!("position({} in pg_get_constraintdef(oid)) > 0", Literal(text))
}

/// The boundary of a conversion that was begun before: it is in the constraint.
fn known_boundary(relation: &Relation) -> Option<i64> {
    let constraint = relation.constraints.iter().find(|c| c.name.as_str() == swap::UNTIL)?;
    let literal = constraint.definition.rsplit('\'').nth(1)?;
    chunk::parse_time(literal)
}

/// Partitions that others could read by name are closed: privileges taken away, row security on.
fn close_partitions(plan: &mut Plan, stream: &Stream, catalog: &Catalog) {
    for partition in partitions_below(catalog, &stream.table) {
        let name = &partition.name;
        let grants: Vec<&Grant> = catalog
            .grants
            .iter()
            .filter(|grant| grant.grantee != partition.owner)
            .filter(|grant| match &grant.target {
                GrantTarget::Relation(target) | GrantTarget::Column(target, _) => target == name,
                _ => false,
            })
            .collect();
        if grants.is_empty() && partition.row_security {
            continue;
        }
        let mut grantees: Vec<_> = grants.iter().map(|grant| &grant.grantee).collect();
        grantees.sort();
        grantees.dedup();
        let mut sql: Vec<String> = grantees
            .iter()
            .map(|grantee| format!("revoke all on {name} from {}", role(grantee)))
            .collect();
        let mut undo = Vec::new();
        if !partition.row_security {
            sql.push(chunk::close(name));
            undo.push(format!("alter table {name} disable row level security"));
        }
        undo.extend(grants.iter().filter_map(|grant| grant_sql(grant, name)));
        plan.steps.push(
            Step::new(
                format!("close {}", name.plain()),
                format!(
                    "close the partition {} of {}: it can be read through its parent only",
                    name.plain(),
                    stream.table.plain()
                ),
                sql,
            )
            .lock(Lock::moment(LockMode::AccessExclusive, name))
            .undo(undo)
            .check(closed_check(name)),
        );
    }
}

/// The partitions of `table`, and theirs.
fn partitions_below<'a>(catalog: &'a Catalog, table: &'a RelName) -> Vec<&'a Relation> {
    let mut out: Vec<&Relation> = catalog.partitions_of(table).collect();
    let mut next = 0;
    while let Some(partition) = out.get(next) {
        // Of thousands of chunks few are partitioned themselves; each look goes through all.
        if partition.kind == RelationKind::PartitionedTable {
            let below: Vec<&Relation> = catalog.partitions_of(&partition.name).collect();
            out.extend(below);
        }
        next += 1;
    }
    out
}

/// Row security is on and nobody but the owner has a privilege on the table or a column.
fn closed_check(partition: &RelName) -> String {
    format!(
        "select relrowsecurity and not exists (\
         select from aclexplode(relacl) a where a.grantee <> relowner) \
         and not exists (select from pg_catalog.pg_attribute, aclexplode(attacl) a \
         where attrelid = c.oid and a.grantee <> relowner) \
         from pg_catalog.pg_class c where oid = to_regclass({})",
        Literal(&partition.to_string())
    )
}
