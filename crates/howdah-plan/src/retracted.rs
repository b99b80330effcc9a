//! Where events go that count no more, and the known blocks of reorganisations.

use howdah_catalog::{Catalog, Ident, Literal, RelName, Relation, name};
use howdah_error::{Code, Error, Kind, Result};
use howdah_rollup::{reorganise, retract};
use howdah_system::{Reorganisation, Stream, System};

use crate::filled::{NEXT_GENERATION, exclusively};
use crate::step::{Plan, Step};

/// The tables of retracted events and of known blocks.
pub(crate) fn plan(plan: &mut Plan, system: &System, catalog: &Catalog) -> Result<()> {
    for stream in &system.streams {
        let Some(table) = &stream.retracted else { continue };
        match catalog.relation(table) {
            None => plan.steps.push(create(stream, table)),
            Some(relation) => plan.steps.extend(follow(stream, relation)?),
        }
    }
    for reorganisation in &system.reorganisations {
        match catalog.relation(&reorganisation.blocks) {
            None => plan.steps.push(create_blocks(system, reorganisation)),
            Some(relation) => plan.steps.extend(change_blocks(system, reorganisation, relation)),
        }
    }
    Ok(())
}

fn exists_check(table: &RelName) -> String {
    format!("select to_regclass({}) is not null", Literal(&table.to_string()))
}

/// A batch of before knows nothing of what takes events back.
fn with_generation(streams: &[&Stream], statements: Vec<String>) -> Vec<String> {
    let mut sql = exclusively(streams);
    sql.push(NEXT_GENERATION.to_owned());
    sql.extend(statements);
    sql
}

fn create(stream: &Stream, table: &RelName) -> Step {
    let columns = stream.columns.iter().map(|column| definition(stream, &column.name));
    let key = name::list(&stream.key);
    let mut statements = vec![
        format!(
            "create table {table} ({}, {} timestamptz not null default now(), {} text not null, \
             primary key ({key}))",
            name::list(columns),
            retract::RETRACTED_AT,
            retract::CAUSE,
        ),
        format!(
            "comment on table {table} is {}",
            Literal(&format!("howdah: events of {} that count no more", stream.table.plain()))
        ),
    ];
    if !stream.reverses.is_empty() {
        statements.push(format!(
            "create index on {table} ({}) where {} = 'reversal'",
            name::list(retract::reversal_index(stream)),
            retract::CAUSE
        ));
    }
    Step::new(
        format!("retracted {}", table.plain()),
        format!("make the table of events of {} that count no more", stream.table.plain()),
        with_generation(&[stream], statements),
    )
    .undo(vec![format!("drop table {table}")])
    .check(exists_check(table))
}

/// A column as the table of retracted events has it: whatever the stream had may be in it.
fn definition(stream: &Stream, column: &Ident) -> String {
    let found = stream.columns.iter().find(|known| known.name == *column);
    let (type_name, collation) =
        found.map_or(("text", None), |found| (found.type_name.as_str(), found.collation.as_ref()));
    let collate = collation.map(|name| format!(" collate {name}")).unwrap_or_default();
    format!("{column} {type_name}{collate}")
}

/// The table follows its stream: columns that are new there.
fn follow(stream: &Stream, relation: &Relation) -> Result<Option<Step>> {
    let table = &relation.name;
    let ours = relation.column(retract::CAUSE).is_some()
        && relation.column(retract::RETRACTED_AT).is_some();
    if !ours {
        return Err(Error::new(
            Kind::Conflict,
            format!("\"{}\" cannot hold the retracted events of its stream", table.plain()),
        )
        .code(Code::CannotBecomeStream)
        .detail("A relation of that name exists and is none of howdah's.")
        .hint("Rename it in a migration."));
    }
    let missing: Vec<String> = stream
        .columns
        .iter()
        .filter(|column| relation.column(column.name.as_str()).is_none())
        .map(|column| format!("add column {}", definition(stream, &column.name)))
        .collect();
    if missing.is_empty() {
        return Ok(None);
    }
    let names = stream.columns.iter().map(|column| Literal(column.name.as_str()).to_string());
    let check = format!(
        "select count(*) = {} from pg_catalog.pg_attribute where attrelid = to_regclass({}) \
         and attnum > 0 and not attisdropped and attname in ({})",
        stream.columns.len(),
        Literal(&table.to_string()),
        name::list(names)
    );
    let alter = format!("alter table {table} {}", missing.join(", "));
    Ok(Some(
        Step::new(
            format!("retracted {}", table.plain()),
            format!("give {} the new columns of its stream", table.plain()),
            with_generation(&[stream], vec![alter]),
        )
        .check(check),
    ))
}

fn streams_of<'s>(system: &'s System, reorganisation: &Reorganisation) -> Vec<&'s Stream> {
    reorganisation.streams().map(|index| &system.streams[index]).collect()
}

/// The blocks of the events that are there already are known from the start.
fn fill(system: &System, reorganisation: &Reorganisation) -> Vec<String> {
    let columns = reorganise::columns(reorganisation);
    let list = name::list(columns.iter().map(|column| &column.name));
    let tables = reorganisation.of.iter().map(|index| &system.streams[*index].table);
    tables
        .map(|table| {
            format!(
                "insert into {} ({list}) select distinct {list} from {table} \
                 on conflict do nothing",
                reorganisation.blocks
            )
        })
        .collect()
}

fn create_blocks(system: &System, reorganisation: &Reorganisation) -> Step {
    let table = &reorganisation.blocks;
    let mut statements = vec![
        reorganise::create_blocks(reorganisation),
        format!(
            "comment on table {table} is 'howdah: the blocks that are known; state 0 lives, 1 is \
             replaced, 2 is suspended by a marker'"
        ),
    ];
    statements.extend(fill(system, reorganisation));
    Step::new(
        format!("blocks {}", reorganisation.name),
        format!("make the table of known blocks of {}", reorganisation.name),
        with_generation(&streams_of(system, reorganisation), statements),
    )
    .undo(vec![format!("drop table {table}")])
    .check(exists_check(table))
}

/// Blocks told by other columns are known anew from the events that are there.
fn change_blocks(
    system: &System,
    reorganisation: &Reorganisation,
    relation: &Relation,
) -> Option<Step> {
    let table = &reorganisation.blocks;
    let wanted: Vec<Ident> =
        reorganise::columns(reorganisation).into_iter().map(|column| column.name.clone()).collect();
    let key = relation.primary_key().map(|key| key.columns.clone()).unwrap_or_default();
    if key == wanted {
        return None;
    }
    let mut statements =
        vec![format!("drop table {table}"), reorganise::create_blocks(reorganisation)];
    statements.extend(fill(system, reorganisation));
    let columns = wanted.iter().map(|column| Literal(column.as_str()).to_string());
    let check = format!(
        "select coalesce((select array_agg(a.attname::text order by k.n) from \
         pg_catalog.pg_constraint c, unnest(c.conkey) with ordinality k (attnum, n), \
         pg_catalog.pg_attribute a where c.conrelid = to_regclass({}) and c.contype = 'p' \
         and a.attrelid = c.conrelid and a.attnum = k.attnum) = array[{}], false)",
        Literal(&table.to_string()),
        name::list(columns)
    );
    let mut step = Step::new(
        format!("blocks {}", reorganisation.name),
        format!("know the blocks of {} by other columns", reorganisation.name),
        with_generation(&streams_of(system, reorganisation), statements),
    )
    .check(check);
    step.loses = Some(format!("which blocks of {} were replaced", reorganisation.name));
    Some(step)
}
