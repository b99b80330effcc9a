//! What is in a database: the system catalogs read into a [`Catalog`].
//!
//! One query per object kind (`queries/*.sql`), one decoder per kind (`introspect/*.rs`). Names in
//! definitions are always qualified and bounds are always in UTC, whatever the session's settings,
//! so two catalogs compare. Needs no right but to connect. Members of extensions are left out.

mod decode;
mod function;
mod grant;
mod index;
mod partition;
mod relation;
mod server;
mod statistics;
mod table;
mod types;

pub use partition::parse_bound;

use std::collections::HashMap;

use futures_util::future::{try_join, try_join3, try_join5};
use howdah_catalog::{Catalog, RelName, Relation};
use howdah_error::{Error, Result};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, GenericClient, Row, error::SqlState};

use crate::fault::from_pg;
use decode::Fields;

/// Reads are repeated this often when objects vanish while their definitions are printed: the
/// printing functions look at the newest catalog, not at the transaction's snapshot.
const ATTEMPTS: u32 = 3;

/// The settings that decide how PostgreSQL prints names, dates, intervals and constants.
const PRINT_SETTINGS: &str = "\
    set local search_path to pg_catalog; \
    set local timezone to 'UTC'; \
    set local datestyle to 'ISO, MDY'; \
    set local intervalstyle to 'postgres'; \
    set local standard_conforming_strings to on; \
    set local quote_all_identifiers to off; \
    set local extra_float_digits to 1";

/// What to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// Sizes, counters and column statistics too. Without them introspection takes no lock on a
    /// user's table and so waits for nobody, views apart.
    pub statistics: bool,
    /// A schema whose relations are told without columns, constraints and indexes: thousands of
    /// chunks that are like the table that they are of.
    pub bare: Option<&'static str>,
    /// A schema whose relations are left out.
    pub without: Option<&'static str>,
}

impl Default for Scope {
    fn default() -> Self {
        Self { statistics: true, bare: None, without: None }
    }
}

/// The whole catalog of the database that `client` is connected to, at one moment.
///
/// Runs in a repeatable-read, read-only transaction of its own; `client` must not be in one.
pub async fn introspect(client: &Client) -> Result<Catalog> {
    introspect_scope(client, Scope::default()).await
}

/// As [`introspect`], reading only what `scope` says.
pub async fn introspect_scope(client: &Client, scope: Scope) -> Result<Catalog> {
    let mut attempt = 1;
    loop {
        match snapshot(client, scope).await {
            Err(error) if attempt < ATTEMPTS && vanished(&error) => attempt += 1,
            done => return done.map_err(|error| failed(&error)),
        }
    }
}

/// As [`introspect_scope`], inside the transaction that the caller has open on `client`: it sees
/// what that transaction sees, uncommitted changes too, and one moment only if the transaction is
/// repeatable-read. The session's settings are as before afterwards.
pub async fn introspect_in_txn<C: GenericClient + Sync>(
    client: &C,
    scope: Scope,
) -> Result<Catalog> {
    let catalog = async {
        client.batch_execute("savepoint howdah_introspect").await?;
        let catalog = read(client, scope).await;
        // Rolling back to the savepoint restores the settings, whether the reads went well or not.
        client
            .batch_execute(
                "rollback to savepoint howdah_introspect; release savepoint howdah_introspect",
            )
            .await?;
        catalog
    };
    catalog.await.map_err(|error| failed(&error))
}

/// The first poll sends all, the end of the transaction too. So none stays open, whatever becomes
/// of the future, and nothing that others send on the same connection comes in between.
async fn snapshot(client: &Client, scope: Scope) -> Result<Catalog, tokio_postgres::Error> {
    let ((), catalog, ()) = try_join3(
        client.batch_execute("begin transaction isolation level repeatable read, read only"),
        read(client, scope),
        client.batch_execute("rollback"),
    )
    .await?;
    Ok(catalog)
}

/// Relations and types by oid while the catalog is put together.
#[derive(Default)]
struct Found {
    relations: HashMap<u32, Relation>,
    /// Relation and position within its indexes, by the index's oid.
    indexes: HashMap<u32, (u32, usize)>,
}

impl Found {
    fn name(&self, oid: u32) -> Option<RelName> {
        self.relations.get(&oid).map(|relation| relation.name.clone())
    }

    /// The relation that a row with a field "relation" belongs to; `None` for those left out.
    fn relation_of(&mut self, row: &Row) -> Result<Option<&mut Relation>, tokio_postgres::Error> {
        Ok(self.relations.get_mut(&row.get_oid("relation")?))
    }
}

macro_rules! rows {
    ($client:expr, $file:literal) => {
        $client.query_typed(include_str!(concat!("../queries/", $file, ".sql")), &[])
    };
    ($client:expr, $file:literal, $parameters:expr) => {
        $client.query_typed(include_str!(concat!("../queries/", $file, ".sql")), $parameters)
    };
}

/// All queries are sent at once and answered in order, so they cost one round trip, and the server
/// works on one while the answer to another is decoded.
async fn read<C: GenericClient + Sync>(
    client: &C,
    scope: Scope,
) -> Result<Catalog, tokio_postgres::Error> {
    // The first two tell of the session as it is, so they go before its settings are changed.
    let (server, settings, (), found, others) = try_join5(
        rows!(client, "server"),
        rows!(client, "settings"),
        client.batch_execute(PRINT_SETTINGS),
        read_relations(client, scope),
        ask_others(client),
    )
    .await?;
    let mut catalog = Catalog::default();
    server::decode(&server, &mut catalog)?;
    server::decode_settings(&settings, &mut catalog)?;
    decode_others(&others, &found, &mut catalog)?;
    catalog.relations =
        found.relations.into_values().map(|relation| (relation.name.clone(), relation)).collect();
    Ok(catalog)
}

/// Relations and what hangs on them.
async fn read_relations<C: GenericClient + Sync>(
    client: &C,
    scope: Scope,
) -> Result<Found, tokio_postgres::Error> {
    let statistics = async {
        if scope.statistics {
            try_join(rows!(client, "statistics"), rows!(client, "column_statistics")).await
        } else {
            Ok((Vec::new(), Vec::new()))
        }
    };
    let without: [(&(dyn ToSql + Sync), Type); 1] = [(&scope.without, Type::TEXT)];
    let bare = scope.bare.or(scope.without);
    let bare: [(&(dyn ToSql + Sync), Type); 1] = [(&bare, Type::TEXT)];
    let (
        relations,
        columns,
        constraints,
        indexes,
        partitioning,
        partitions,
        policies,
        triggers,
        st,
    ) = tokio::try_join!(
        rows!(client, "relations", &without),
        rows!(client, "columns", &bare),
        rows!(client, "constraints", &bare),
        rows!(client, "indexes", &bare),
        rows!(client, "partitioning"),
        rows!(client, "partitions", &without),
        rows!(client, "policies"),
        rows!(client, "triggers"),
        statistics,
    )?;
    let mut found = Found::default();
    relation::decode(&relations, &mut found)?;
    table::decode_columns(&columns, &mut found)?;
    table::decode_constraints(&constraints, &mut found)?;
    index::decode(&indexes, &mut found)?;
    partition::decode_partitioning(&partitioning, &mut found)?;
    partition::decode_partitions(&partitions, &mut found)?;
    table::decode_policies(&policies, &mut found)?;
    table::decode_triggers(&triggers, &mut found)?;
    statistics::decode(&st.0, &mut found)?;
    statistics::decode_columns(&st.1, &mut found)?;
    Ok(found)
}

/// Everything that is no relation.
struct Others {
    schemas: Vec<Row>,
    types: Vec<Row>,
    functions: Vec<Row>,
    roles: Vec<Row>,
    grants: Vec<Row>,
    extensions: Vec<Row>,
}

async fn ask_others<C: GenericClient + Sync>(client: &C) -> Result<Others, tokio_postgres::Error> {
    let (schemas, types, functions, roles, grants, extensions) = tokio::try_join!(
        rows!(client, "schemas"),
        rows!(client, "types"),
        rows!(client, "functions"),
        rows!(client, "roles"),
        rows!(client, "grants"),
        rows!(client, "extensions"),
    )?;
    Ok(Others { schemas, types, functions, roles, grants, extensions })
}

fn decode_others(
    others: &Others,
    found: &Found,
    catalog: &mut Catalog,
) -> Result<(), tokio_postgres::Error> {
    let schemas = server::decode_schemas(&others.schemas, catalog)?;
    server::decode_extensions(&others.extensions, catalog)?;
    server::decode_roles(&others.roles, catalog)?;
    let types = types::decode(&others.types, catalog)?;
    let functions = function::decode(&others.functions, catalog)?;
    let owners = grant::Owners { found, schemas, types, functions };
    grant::decode(&others.grants, &owners, catalog)
}

/// Whether an object was dropped between the query that listed it and the function that printed it.
fn vanished(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| {
        [SqlState::INTERNAL_ERROR, SqlState::UNDEFINED_TABLE, SqlState::UNDEFINED_OBJECT]
            .contains(code)
    })
}

fn failed(error: &tokio_postgres::Error) -> Error {
    from_pg("could not read the catalog of the database", error)
}
