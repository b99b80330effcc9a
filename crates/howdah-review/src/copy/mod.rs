//! A live database's schema and statistics, copied to the scratch server.
//!
//! What was read of the target is made anew there as a plain login, so that experiments and fixes
//! run on the copy and the target is never written to. No row is copied. What cannot be made is
//! told.

mod grants;
mod objects;
mod statistics;
mod tables;

use howdah_catalog::{Catalog, Ident};
use howdah_error::Result;
use howdah_pg::{Connection, from_pg, sqlstate};

use crate::build::{REACHING, ScratchDatabase};
use crate::facts::{Facts, Unseen};

pub use statistics::overlay;

/// How many times what failed is tried again: views on views, defaults that call functions.
const ROUNDS: usize = 12;
/// SQLSTATEs of "it is there already": clones of triggers, the schema "public".
const ALREADY: &[&str] = &["42710", "42P06", "42P07", "42P16", "42723"];
/// How many of the objects that could not be made are named.
const NAMED: usize = 5;

/// One statement that makes an object, and what it is called when it cannot be made.
#[derive(Debug)]
pub(crate) struct Making {
    /// For people: `view app.orders_today`.
    object: String,
    sql: String,
}

impl Making {
    fn new(object: impl Into<String>, sql: impl Into<String>) -> Self {
        Self { object: object.into(), sql: sql.into() }
    }
}

/// Makes the objects of the target's catalog in the empty `database`. What could not be made is
/// added to [`Facts::unseen`].
pub async fn copy(facts: &mut Facts, database: &ScratchDatabase) -> Result<()> {
    let Some(catalog) = &facts.catalog else { return Ok(()) };
    let admin = database.admin().await?;
    let mut failed = by_superuser(catalog, database, &admin).await?;
    let connection = database.connect().await?;
    let prepared = connection.batch_execute("set check_function_bodies to off").await;
    prepared.map_err(|error| from_pg("could not prepare the copy", &error))?;
    let mut makings = objects::makings(catalog, &facts.function_definitions);
    makings.extend(tables::makings(catalog));
    makings.extend(grants::makings(catalog));
    failed.extend(make_all(&connection, makings).await?);
    connection.close().await;
    statistics::pretend(catalog, &admin).await?;
    admin.close().await;
    if !failed.is_empty() {
        let named: Vec<String> = failed.iter().take(NAMED).cloned().collect();
        let more = failed.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        facts.unseen.push(Unseen {
            what: format!("{} objects on the copy", failed.len()),
            why: format!("They could not be made there: {}{more}.", named.join("; ")),
        });
    }
    Ok(())
}

/// Schemas, extensions and roles; the roles can do nothing but what is granted to them.
async fn by_superuser(
    catalog: &Catalog,
    database: &ScratchDatabase,
    admin: &Connection,
) -> Result<Vec<String>> {
    let owner = Ident::new(database.owner());
    let mut failed = Vec::new();
    for schema in catalog.schemas.keys().filter(|schema| schema.as_str() != "public") {
        let sql = format!("create schema {schema} authorization {owner}");
        failed.extend(
            attempt(admin, &Making::new(format!("schema {}", schema.as_str()), sql)).await?,
        );
    }
    for (name, extension) in &catalog.extensions {
        if name.as_str() == "plpgsql" {
            continue;
        }
        let object = format!("extension {}", name.as_str());
        if REACHING.contains(&name.as_str()) || name.as_str().ends_with('u') {
            failed.push(format!("{object} (it reaches out of the database)"));
            continue;
        }
        let sql = format!("create extension {name} schema {}", extension.schema);
        failed.extend(attempt(admin, &Making::new(object, sql)).await?);
    }
    for role in grants::roles(catalog) {
        let sql = format!("create role {role}");
        failed.extend(attempt(admin, &Making::new(format!("role {}", role.as_str()), sql)).await?);
    }
    Ok(failed)
}

/// Makes what can be made, in rounds, until nothing more succeeds; the rest with the reasons.
async fn make_all(connection: &Connection, mut makings: Vec<Making>) -> Result<Vec<String>> {
    let mut failed = Vec::new();
    for _ in 0..ROUNDS {
        let before = makings.len();
        let mut left = Vec::new();
        failed.clear();
        for making in makings {
            if let Some(reason) = attempt(connection, &making).await? {
                failed.push(reason);
                left.push(making);
            }
        }
        makings = left;
        if makings.is_empty() || makings.len() == before {
            break;
        }
    }
    Ok(failed)
}

async fn attempt(connection: &Connection, making: &Making) -> Result<Option<String>> {
    match connection.batch_execute(&making.sql).await {
        Ok(()) => Ok(None),
        Err(error) => match error.as_db_error() {
            Some(_) if sqlstate(&error).is_some_and(|s| ALREADY.contains(&s.code())) => Ok(None),
            Some(db) => Ok(Some(format!("{} ({})", making.object, db.message()))),
            None => Err(from_pg("could not copy the schema", &error)),
        },
    }
}
