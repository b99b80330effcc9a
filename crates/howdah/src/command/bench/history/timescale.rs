//! The same data and queries in TimescaleDB, on a server of its own beside howdah's.
//!
//! Only where the extension is installed for the PostgreSQL that private servers use. Its tables
//! have no row security, which it refuses together with its columnstore; batches have the columns
//! and the order that howdah's segments have.

use std::path::Path;
use std::time::Instant;

use howdah_error::{Error, Kind, Result};
use howdah_pg::{Connection, PrivateServer, ServerOptions, connect};
use serde::Serialize;

use super::cases::Case;
use super::{ALONE, Measured, Took, ask, execute, missing, number};
use crate::cli::BenchArgs;
use crate::command::bench::usage::Usage;
use crate::command::bench::{FOLDER, sql_failed};
use crate::output::{Table, grouped};

/// Its folder beside those of howdah's benchmarks, and the database on it.
const SERVER: &str = "history-timescaledb";
const DATABASE: &str = "bench";

/// What its columnstore made of a stream.
#[derive(Debug, Serialize)]
pub struct Timescaled {
    bytes_per_event_rows: f64,
    bytes_per_event_columns: f64,
    /// Per second that the server's processes worked.
    compress_events_per_server_second: f64,
    compress_events_per_second: f64,
    wal_bytes_per_event: f64,
}

/// A server with the extension.
pub struct Timescale {
    pub version: String,
    server: PrivateServer,
    client: Connection,
    admin: Connection,
}

impl Timescale {
    /// Starts the server and makes the extension and the tables of all streams.
    ///
    /// Errors: the extension is not installed, or the server does not start with it.
    pub async fn start() -> Result<Self> {
        let settings = [("shared_preload_libraries", "timescaledb"), ("jit", "off")];
        let options = ServerOptions {
            extra_settings: settings.map(|(n, v)| (n.to_owned(), v.to_owned())).into(),
            ..ServerOptions::default()
        };
        let server = PrivateServer::start(&Path::new(FOLDER).join(SERVER), &options).await;
        let server = server.map_err(|error| {
            Error::new(Kind::Unavailable, "could not start a server with TimescaleDB")
                .hint(
                    "Install the extension for the PostgreSQL that howdah uses, or leave out \
                     --timescaledb.",
                )
                .source(error)
        })?;
        let admin = connect(&server.admin_options()).await?;
        // What an earlier run has left.
        let anew = [
            format!("drop database if exists {DATABASE} with (force)"),
            format!("create database {DATABASE} template template0"),
        ];
        execute(&admin, &anew).await?;
        let client = connect(&server.admin_options().database(DATABASE)).await?;
        let first = ["create extension timescaledb", ALONE].map(str::to_owned);
        execute(&client, &first).await?;
        execute(&client, &tables()).await?;
        let version = "select extversion from pg_extension where extname = 'timescaledb'";
        let version = client.query_one(version, &[]).await.map_err(|error| sql_failed(&error))?;
        Ok(Self { version: version.get(0), server, client, admin })
    }

    /// Fills the table of a stream, compresses it, and asks the queries of the case.
    pub async fn measure(&self, case: &Case, args: &BenchArgs) -> Result<(Timescaled, Vec<Took>)> {
        let name = case.stream;
        let (client, range) = (&self.client, case.range);
        let tidy = format!("vacuum (analyze) {name}");
        let hypertable = format!(
            "select create_hypertable('{name}', by_range({range}), \
             create_default_indexes => false)"
        );
        execute(client, &[hypertable, case.fill(args.events), tidy.clone()]).await?;
        let (count, size) =
            (format!("select count(*) from {name}"), format!("select hypertable_size('{name}')"));
        let (events, before) = (number(client, &count).await?, number(client, &size).await?);
        let columnstore = format!(
            "alter table {name} set (timescaledb.compress, \
             timescaledb.compress_segmentby = '{}', timescaledb.compress_orderby = '{}')",
            case.segment_by, case.order_by
        );
        execute(client, &[columnstore]).await?;
        let (usage, start) = (Usage::now(&self.admin).await?, Instant::now());
        let compress = format!("select compress_chunk(chunk) from show_chunks('{name}') chunk");
        execute(client, &[compress, tidy]).await?;
        let seconds = start.elapsed().as_secs_f64();
        let cost = usage.until_now(&self.admin).await?;
        if number(client, &count).await? != events {
            return Err(missing("events"));
        }
        let after = number(client, &size).await?;
        let took = ask(client, case, args.runs, |sql| sql.replace("{t}", name)).await?;
        let count = events as f64;
        let compressed = Timescaled {
            bytes_per_event_rows: before as f64 / count,
            bytes_per_event_columns: after as f64 / count,
            compress_events_per_server_second: count / cost.server_seconds,
            compress_events_per_second: count / seconds,
            wal_bytes_per_event: cost.wal_bytes / count,
        };
        Ok((compressed, took))
    }

    pub async fn stop(self) -> Result<()> {
        self.client.close().await;
        self.admin.close().await;
        self.server.stop().await
    }
}

/// The tables of the streams as the migration has them, but for their partitions.
fn tables() -> Vec<String> {
    let (statements, _) = howdah_sql::split(include_str!("0001_history.sql"));
    let whole = statements.iter().filter(|statement| !statement.text.contains(" partition of "));
    whole
        .map(|statement| match statement.text.split_once(" partition by ") {
            Some((table, _)) => table.to_owned(),
            None => statement.text.to_owned(),
        })
        .collect()
}

/// Both side by side.
pub fn print(streams: &[Measured]) -> Result<()> {
    let mut table = Table::new(&[
        "stream",
        "howdah B/event",
        "TimescaleDB",
        "of it",
        "compressed/server core s",
        "WAL/event",
    ]);
    for it in streams {
        let Some(other) = &it.timescaledb else { continue };
        table.row(vec![
            it.stream.to_owned(),
            format!("{:.2}", it.bytes_per_event_segments),
            format!("{:.2}", other.bytes_per_event_columns),
            format!("{:.2}", it.bytes_per_event_segments / other.bytes_per_event_columns),
            grouped(other.compress_events_per_server_second as i64),
            format!("{:.0}", other.wal_bytes_per_event),
        ]);
    }
    table.print()?;
    let mut table = Table::new(&["stream", "query", "howdah core ms", "TimescaleDB", "of it"]);
    for it in streams {
        for query in &it.queries {
            let Some(other) = &query.timescaledb else { continue };
            table.row(vec![
                it.stream.to_owned(),
                query.name.to_owned(),
                format!("{:.1}", query.segments.core_ms),
                format!("{:.1}", other.core_ms),
                format!("{:.2}", query.segments.core_ms / other.core_ms),
            ]);
        }
    }
    table.print()
}
