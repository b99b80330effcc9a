//! A table becomes a stream: partitioned by its time column, chunks ahead, partitions closed.

use howdah_catalog::{
    Catalog, ConstraintKind, Grant, GrantTarget, Literal, PartitionKey, PartitionStrategy, RelName,
    Relation, RelationKind,
};
use howdah_error::{Code, Error, Kind, Result};
use howdah_system::{Stream, System};

use crate::chunk::{self, Chunk};
use crate::facts::{Facts, TableFacts};
use crate::roles::{grant_sql, role};
use crate::step::{Lock, LockMode, Note, Plan, Step};
use crate::{index, swap};

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
    match relation.kind {
        RelationKind::PartitionedTable => {
            check_partitioning(stream, relation)?;
            note_default(plan, stream, relation);
            index::plan(plan, system, stream, relation, catalog);
        }
        RelationKind::Table => {
            index::plan(plan, system, stream, relation, catalog);
            let known = facts.tables.get(&stream.table).cloned().unwrap_or_default();
            check_swappable(stream, relation, &known)?;
            if facts.is_empty(relation) {
                plan.steps.push(swap::empty(stream, relation, catalog, &known));
            } else {
                covered = convert_full(plan, stream, relation, catalog, facts, &known)?;
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

/// What would not follow the table when another takes its name.
fn check_swappable(stream: &Stream, relation: &Relation, known: &TableFacts) -> Result<()> {
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
    if let Some(constraint) =
        relation.constraints.iter().find(|constraint| constraint.kind == ConstraintKind::Exclusion)
    {
        return Err(refuse(stream, "it has an exclusion constraint")
            .detail(format!("\"{}\" cannot hold across partitions.", constraint.name.as_str())));
    }
    if let Some(other) = known.other_dependents.first() {
        return Err(refuse(stream, "something depends on it that cannot follow")
            .detail(format!("It is {other}."))
            .hint("Drop it in a migration and make it again after apply."));
    }
    Ok(())
}

/// A table with rows becomes the first partition, untouched: its rows are proved to lie before a
/// boundary while reads and writes go on, then the names are swapped in a moment.
fn convert_full(
    plan: &mut Plan,
    stream: &Stream,
    relation: &Relation,
    catalog: &Catalog,
    facts: &Facts,
    known: &TableFacts,
) -> Result<Vec<std::ops::Range<i64>>> {
    // Up to the end of the chunk that holds now or the newest row, whichever is later: rows that
    // arrive during the conversion fit as well.
    let newest = known.newest_us.unwrap_or(facts.now_us).max(facts.now_us);
    let until = known_boundary(relation)
        .or_else(|| Chunk::holding(stream.chunk, newest).map(|chunk| chunk.to_us))
        .ok_or_else(|| refuse(stream, "it holds times outside the years 1 to 9999"))?;
    let table = &stream.table;
    let text = chunk::time_text(until, stream.time_type);
    let constraint = relation.constraints.iter().find(|c| c.name.as_str() == swap::UNTIL);
    if constraint.is_none() {
        plan.steps.push(
            Step::new(
                format!("bound {}", table.plain()),
                format!("promise that rows of {} lie before {text}", table.plain()),
                vec![format!(
                    "alter table {table} add constraint {} check ({} < {}) not valid",
                    swap::UNTIL,
                    stream.time,
                    Literal(&text)
                )],
            )
            .lock(Lock::moment(LockMode::AccessExclusive, table))
            .undo(vec![format!("alter table {table} drop constraint {}", swap::UNTIL)])
            .check(constraint_check(table, "true")),
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
            .check(constraint_check(table, "convalidated")),
        );
    }
    plan.steps.push(swap::full(stream, relation, catalog, known, until));
    Ok(vec![i64::MIN..until])
}

fn constraint_check(table: &RelName, condition: &str) -> String {
    format!(
        "select exists (select from pg_catalog.pg_constraint where conrelid = to_regclass({}) \
         and conname = '{}' and {condition})",
        Literal(&table.to_string()),
        swap::UNTIL
    )
}

/// The boundary of a conversion that was begun before: it is in the constraint.
fn known_boundary(relation: &Relation) -> Option<i64> {
    let constraint = relation.constraints.iter().find(|c| c.name.as_str() == swap::UNTIL)?;
    let literal = constraint.definition.split('\'').nth(1)?;
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
        let below: Vec<&Relation> = catalog.partitions_of(&partition.name).collect();
        out.extend(below);
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
