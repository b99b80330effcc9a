//! The SQL of one source's batches, compiled once, and its prepared statements.

use howdah_catalog::{Ident, Literal, RelName};
use howdah_error::Result;
use howdah_pg::{Connection, from_pg};
use howdah_rollup::fold::{fold, needs_judge_lock};
use howdah_rollup::judge::{ForeignColumn, first_refused};
use howdah_rollup::lock::AdvisoryLock;
use howdah_rollup::staging::{ORD, StagedColumn, Staging};
use howdah_system::{Rollup, Source, Stream, System};
use tokio_postgres::Statement;

use crate::decode::Decoder;

/// Everything that a writer of one source runs.
#[derive(Debug, Clone)]
pub struct SourceSql {
    /// The stream.
    pub(super) stream: Stream,
    pub(super) staging: Staging,
    /// The generation that this was compiled under.
    pub(super) generation: i64,
    pub(super) begin: String,
    clock: String,
    fold: String,
    judges: Vec<String>,
    unknown_tenants: Option<String>,
}

impl SourceSql {
    /// Compiles the SQL of `source`.
    ///
    /// `foreign` gives the columns of a state's table that are the application's own; `generation`
    /// is what `howdah.generation` holds while the database is as the system file says.
    pub fn new(
        system: &System,
        source: &Source,
        generation: i64,
        foreign: impl Fn(&Rollup) -> Vec<ForeignColumn>,
    ) -> Result<Self> {
        let stream = system.streams[source.routes[0].stream].clone();
        let decoder = Decoder::new(source, &stream)?;
        let staged = source.routes[0]
            .map
            .iter()
            .enumerate()
            .map(|(position, mapping)| StagedColumn {
                column: stream.columns[mapping.index].clone(),
                as_text: decoder.staged_as_text(position),
            })
            .collect();
        let staging = Staging::new(&source.name, staged);
        let rollups: Vec<&Rollup> = system.rollups_of(&stream).collect();
        let mut judges = Vec::new();
        for rollup in &rollups {
            judges.extend(first_refused(&stream, rollup, &foreign(rollup), &staging)?);
        }
        let mut begin = format!(
            "begin; set constraints all immediate; {}",
            AdvisoryLock::stream(&stream).shared()
        );
        if needs_judge_lock(&rollups) {
            begin.push_str("; ");
            begin.push_str(&AdvisoryLock::judge(&stream).exclusive());
        }
        let tenants = system.tenants.as_ref().and_then(|tenants| tenants.table.as_ref());
        let unknown_tenants = match (tenants, &stream.tenant) {
            (Some((table, key)), Some(column)) => {
                Some(unknown_tenants(&staging, table, key, column))
            }
            _ => None,
        };
        Ok(Self {
            fold: fold(&stream, &rollups, &staging)?,
            clock: clock(&stream),
            stream,
            staging,
            generation,
            begin,
            judges,
            unknown_tenants,
        })
    }
}

/// Generation, earliest and latest accepted time.
fn clock(stream: &Stream) -> String {
    let epoch = "timestamptz '2000-01-01 00:00:00+00'";
    let micros = |time: String| format!("(extract(epoch from {time} - {epoch}) * 1000000)::bigint");
    let earliest = stream.accept.past.map_or_else(
        || "timestamptz '1970-01-01 00:00:00+00'".to_owned(),
        |past| format!("(now() - interval {})", Literal(&past.to_string())),
    );
    let latest = format!("(now() + interval {})", Literal(&stream.accept.future.to_string()));
    format!("select generation, {}, {} from howdah.generation", micros(earliest), micros(latest))
}

fn unknown_tenants(staging: &Staging, table: &RelName, key: &Ident, column: &Ident) -> String {
    format!(
        "delete from {staging} s where not exists \
         (select from {table} t where t.{key} = s.{column}) returning s.{ORD}",
        staging = staging.table(),
    )
}

/// The prepared statements of one connection.
pub(super) struct Statements {
    pub(super) clock: Statement,
    pub(super) position: Statement,
    pub(super) move_position: Statement,
    pub(super) fold: Statement,
    pub(super) judges: Vec<Statement>,
    pub(super) unknown_tenants: Option<Statement>,
}

impl Statements {
    pub(super) async fn prepare(connection: &Connection, sql: &SourceSql) -> Result<Self> {
        let prepare = async |text: &str| {
            connection
                .prepare(text)
                .await
                .map_err(|error| from_pg("could not prepare the SQL of a batch", &error))
        };
        let mut judges = Vec::with_capacity(sql.judges.len());
        for judge in &sql.judges {
            judges.push(prepare(judge).await?);
        }
        let unknown_tenants = match &sql.unknown_tenants {
            Some(text) => Some(prepare(text).await?),
            None => None,
        };
        Ok(Self {
            clock: prepare(&sql.clock).await?,
            position: prepare(
                "select position from howdah.positions where source = $1 and shard = $2",
            )
            .await?,
            move_position: prepare(include_str!("move_position.sql")).await?,
            fold: prepare(&sql.fold).await?,
            judges,
            unknown_tenants,
        })
    }
}
