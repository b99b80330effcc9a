//! The SQL of one source's batches, compiled once, and its prepared statements.

use howdah_catalog::{Ident, Literal};
use howdah_error::{Error, Result};
use howdah_fold::Screen;
use howdah_pg::{Connection, from_pg};
use howdah_rollup::derive::{self, Derivation};
use howdah_rollup::fold::fold;
use howdah_rollup::judge::{ForeignColumn, broken, first_refused, repeated, staged_keys};
use howdah_rollup::lock;
use howdah_rollup::span;
use howdah_rollup::staging::{StagedColumn, Staging};
use howdah_system::{Rollup, Route, Source, Stream, System};
use tokio_postgres::Statement;

use super::beside::Beside;
use super::corrections::Corrections;
use super::derive::Derived;
use super::memory::{self, FoldStatements, Folding};
use super::quiet::Quiet;
use super::spans::{SpanStatements, Spans};
use super::verdict::Judging;
use super::{statistics, suspects, tenants};
use crate::decode::staged_as_text;

/// Everything that a writer of one source runs.
#[derive(Debug, Clone)]
pub struct SourceSql {
    /// The source's name.
    pub(super) source: String,
    /// The streams that the source fills, in the order of the system.
    pub(super) targets: Vec<Target>,
    /// The routes of the source, in its order.
    pub(super) routes: Vec<Layout>,
    /// The generation that this was compiled under.
    pub(super) generation: i64,
    /// Begins a transaction and takes its locks.
    pub(super) begin: String,
    /// How a batch runs beside others that meet it; `None`: it has its locks for itself alone.
    pub(super) beside: Option<Beside>,
    clock: String,
    /// Makes the temporary tables that keep the old rows of states.
    pub(super) changed: Vec<String>,
    /// What brings the derived rollups after the states of a batch.
    pub(super) derivation: Option<Derivation>,
    /// What brings the rollups of spans after the streams of a batch.
    pub(super) spans: Vec<Spans>,
    /// What takes events back.
    pub(super) corrections: Corrections,
    /// When nothing is taken back.
    pub(super) quiet: Quiet,
    /// For each route, the fields of its stream's key.
    pub(super) keys: Vec<Option<Vec<usize>>>,
    /// The tables whose statistics matter to batches.
    pub(super) read_by_keys: Vec<String>,
}

/// A stream that the source fills.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) stream: Stream,
    pub(super) staging: Staging,
    fold: String,
    judges: Vec<String>,
    repeated: Option<String>,
    unknown_tenants: Option<String>,
    horizons: Option<String>,
    /// The keys of staged rows, and their blocks where these are found by others of the same
    /// transaction; `None`: the stream has no key.
    pub(super) staged_keys: Option<String>,
    /// The width of a chunk.
    pub(super) margin_us: i64,
    /// How rows are folded that go straight into its chunks; `None`: none may.
    pub(super) folding: Option<Folding>,
    /// How they are judged before; `None`: nothing is to be judged, or the server must.
    pub(super) judging: Option<Judging>,
}

/// The columns that the events of a route give, and where they go.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// Index into [`SourceSql::targets`].
    pub(super) target: usize,
    /// The columns of the tuples.
    pub(super) columns: Vec<Ident>,
    /// For each column of the staging table the tuple's field; `None`: they are the same.
    pub(super) places: Option<Vec<Option<usize>>>,
    /// The fields, as bits, of which a null stands for the column's default.
    pub(super) defaults: u64,
    /// Whether a chunk can read the tuples: no field is a text that must be cast.
    pub(super) binary: bool,
    /// The field of the tenant.
    pub(super) tenant: Option<usize>,
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
        let mut streams: Vec<usize> = source.streams().collect();
        streams.sort_unstable();
        let mut targets = Vec::with_capacity(streams.len());
        for index in &streams {
            targets.push(Target::new(system, source, *index, &foreign)?);
        }
        let target_of = |route: &Route| streams.iter().position(|index| *index == route.stream);
        let routes: Vec<Layout> = source
            .routes
            .iter()
            .filter_map(|route| target_of(route).map(|target| (route, target)))
            .map(|(route, target)| Layout::new(route, target, &targets[target]))
            .collect();
        let has_foreign = |rollup: &Rollup| !foreign(rollup).is_empty();
        let corrections = Corrections::new(system, &streams, &targets, &has_foreign);
        Ok(Self {
            source: source.name.clone(),
            clock: clock(&targets),
            keys: suspects::keys(&routes, &targets),
            read_by_keys: statistics::read_by_keys(system, &streams),
            quiet: Quiet::new(system, &streams, &targets, &routes),
            targets,
            routes,
            generation,
            begin: begin(lock::of_batch(system, &streams)),
            beside: Beside::new(system, &streams),
            changed: changed_tables(system, &streams),
            derivation: derive::statements(system, &streams),
            spans: Spans::all(system, &streams),
            corrections,
        })
    }
}

impl Target {
    fn new(
        system: &System,
        source: &Source,
        index: usize,
        foreign: impl Fn(&Rollup) -> Vec<ForeignColumn>,
    ) -> Result<Self> {
        let stream = system.streams[index].clone();
        let routes: Vec<&Route> = source.routes.iter().filter(|r| r.stream == index).collect();
        let staging = staging(source, &stream, &routes)?;
        let rollups: Vec<&Rollup> = system.rollups_of(&stream).collect();
        let mut judges = Vec::new();
        let foreign: Vec<Vec<ForeignColumn>> = rollups.iter().map(|r| foreign(r)).collect();
        for (rollup, foreign) in rollups.iter().zip(&foreign) {
            judges.extend(first_refused(&stream, rollup, foreign, &staging)?);
        }
        let layout = memory::layout(&stream, &staging);
        let judging = if judges.is_empty() {
            None
        } else {
            let states: Vec<(&Rollup, &[ForeignColumn])> =
                rollups.iter().copied().zip(foreign.iter().map(Vec::as_slice)).collect();
            Judging::compile(&stream, &layout, &states)
        };
        let of = system.reorganisation_of(index);
        let block = of.filter(|of| of.of.contains(&index) && !of.once.is_empty());
        let block = block.map(|of| &of.block.name);
        Ok(Self {
            fold: fold(&stream, &rollups, &staging)?,
            repeated: repeated(&stream, &staging),
            staged_keys: staged_keys(&stream, &staging, block),
            margin_us: stream.chunk.longest_us(),
            unknown_tenants: tenants::unknown(system, &stream),
            horizons: tenants::horizons(&stream),
            // What reverses others is always staged; blocks and conflicts are asked for (`quiet`).
            folding: if stream.reverses.is_empty() && (judges.is_empty() || judging.is_some()) {
                Folding::compile(&stream, &layout, &rollups, &staging)?
            } else {
                None
            },
            judging,
            judges,
            stream,
            staging,
        })
    }
}

/// The statements that make the temporary tables of what a batch changes.
fn changed_tables(system: &System, streams: &[usize]) -> Vec<String> {
    let reach = system.reach(streams);
    let spans = reach.iter().flat_map(|stream| span::temporary_tables(system, *stream));
    derive::changed_tables(system, streams).into_iter().chain(spans).collect()
}

/// The staging table of a stream: the columns that any of its routes gives.
fn staging(source: &Source, stream: &Stream, routes: &[&Route]) -> Result<Staging> {
    let maps = |route: &Route, index: usize| route.map.iter().any(|m| m.index == index);
    let mut staged = Vec::new();
    for (index, column) in stream.columns.iter().enumerate() {
        let givers = routes.iter().filter(|route| maps(route, index)).count();
        if column.is_identity() && givers > 0 && givers < routes.len() {
            return Err(Error::input(format!(
                "some routes of source \"{}\" give the identity column {} of stream \"{}\", others \
                 do not",
                source.name, column.name, stream.name
            ))
            .hint("Let all routes into a stream give its identity column, or none."));
        }
        if givers > 0 {
            let as_text = staged_as_text(column);
            staged.push(StagedColumn { column: column.clone(), as_text });
        }
    }
    Ok(Staging::new(&stream.name, staged))
}

impl Layout {
    fn new(route: &Route, target: usize, into: &Target) -> Self {
        let columns: Vec<Ident> = route.map.iter().map(|mapping| mapping.column.clone()).collect();
        let place = |name: &Ident| columns.iter().position(|column| column == name);
        let places: Vec<Option<usize>> = into.staging.columns().map(place).collect();
        let same = places.len() == columns.len()
            && places.iter().enumerate().all(|(at, place)| *place == Some(at));
        let given = route.map.iter().map(|mapping| &into.stream.columns[mapping.index]);
        let mut defaults = 0;
        let mut binary = true;
        for (at, column) in given.enumerate() {
            if column.has_default && !column.generated {
                binary &= at < 64;
                defaults |= 1_u64.checked_shl(at as u32).unwrap_or(0);
            }
            binary &= !staged_as_text(column);
        }
        let tenant = into.stream.tenant.as_ref().and_then(place);
        let places = (!same).then_some(places);
        Self { target, columns, places, defaults, binary, tenant }
    }
}

/// Begins a transaction and takes `locks`.
pub(super) fn begin(locks: Vec<String>) -> String {
    let first = ["begin".to_owned(), "set constraints all immediate".to_owned()];
    first.into_iter().chain(locks).collect::<Vec<_>>().join("; ")
}

/// Generation, the transaction, the earliest and latest accepted times of each stream, the time
/// before which its events may be folded, and those before which all, and some tenant's, are gone.
fn clock(targets: &[Target]) -> String {
    let epoch = "timestamptz '2000-01-01 00:00:00+00'";
    let micros = |time: String| format!("(extract(epoch from {time} - {epoch}) * 1000000)::bigint");
    let array = |times: Vec<String>| format!("array[{}]", times.join(", "));
    let accepts = || targets.iter().map(|target| &target.stream.accept);
    let earliest = accepts().map(|accept| {
        micros(accept.past.map_or_else(
            || "timestamptz '1970-01-01 00:00:00+00'".to_owned(),
            |past| format!("(now() - interval {})", Literal(&past.to_string())),
        ))
    });
    let latest = accepts().map(|accept| {
        micros(format!("(now() + interval {})", Literal(&accept.future.to_string())))
    });
    let fences = targets.iter().map(|target| {
        let name = target.stream.table.to_string();
        format!("(select fenced_us from howdah.folds where stream = {})", Literal(&name))
    });
    let gone = |whose: &str| {
        let one = |target: &Target| {
            format!(
                "(select max(gone_us) from howdah.horizons where stream = {} and tenant {whose})",
                Literal(&target.stream.table.to_string())
            )
        };
        array(targets.iter().map(one).collect())
    };
    format!(
        "select generation, pg_current_xact_id()::text, {}, {}, {}, {}, {} \
         from howdah.generation",
        array(earliest.collect()),
        array(latest.collect()),
        array(fences.collect()),
        gone("is null"),
        gone("is not null"),
    )
}

/// The prepared statements of one connection.
pub(super) struct Statements {
    pub(super) clock: Statement,
    pub(super) position: Statement,
    pub(super) move_position: Statement,
    /// What became of a transaction.
    pub(super) fate: Statement,
    /// How many of some tables are partitions of a table.
    pub(super) attached: Statement,
    pub(super) targets: Vec<TargetStatements>,
    /// Those of the derivation.
    pub(super) derived: Option<Derived>,
    /// Those of spans.
    pub(super) spans: Vec<SpanStatements>,
}

/// Those of one stream.
pub(super) struct TargetStatements {
    pub(super) fold: Statement,
    pub(super) judges: Vec<Statement>,
    pub(super) repeated: Option<Statement>,
    pub(super) unknown_tenants: Option<Statement>,
    /// Before when the events of tenants are gone.
    pub(super) horizons: Option<Statement>,
    pub(super) folding: Option<FoldStatements>,
    /// For each state that is judged in memory, its rows.
    pub(super) states: Vec<Statement>,
    /// Which staged rows break a condition of the stream's table.
    pub(super) broken: Option<Statement>,
    /// Which tuples may.
    pub(super) screen: Option<Screen>,
}

impl Statements {
    pub(super) async fn prepare(connection: &Connection, sql: &SourceSql) -> Result<Self> {
        let mut targets = Vec::with_capacity(sql.targets.len());
        for target in &sql.targets {
            let folding = match &target.folding {
                Some(folding) => Some(FoldStatements::prepare(connection, folding).await?),
                None => None,
            };
            let repeated = prepare_all(connection, &target.repeated).await?.pop();
            let conditions = match &target.folding {
                Some(_) => conditions(connection, target).await?,
                None => Vec::new(),
            };
            let (stream, staging) = (&target.stream, &target.staging);
            let broken = if repeated.is_some() && folding.is_some() {
                Some(prepare(connection, &broken(stream, staging, &conditions)).await?)
            } else {
                None
            };
            let layout = memory::layout(stream, staging);
            let screen = Screen::compile(stream, &layout, &conditions);
            let states = match &target.judging {
                Some(judging) => judging.prepare(connection).await?,
                None => Vec::new(),
            };
            targets.push(TargetStatements {
                folding,
                states,
                repeated,
                broken,
                screen: target.folding.is_some().then_some(screen),
                fold: prepare(connection, &target.fold).await?,
                judges: prepare_all(connection, &target.judges).await?,
                unknown_tenants: prepare_all(connection, &target.unknown_tenants).await?.pop(),
                horizons: prepare_all(connection, &target.horizons).await?.pop(),
            });
        }
        let derived = match &sql.derivation {
            Some(derivation) => Some(Derived::prepare(connection, derivation).await?),
            None => None,
        };
        Ok(Self {
            clock: prepare(connection, &sql.clock).await?,
            position: prepare(connection, include_str!("position.sql")).await?,
            move_position: prepare(connection, include_str!("move_position.sql")).await?,
            fate: prepare(connection, "select pg_xact_status($1::text::xid8)").await?,
            attached: prepare(connection, include_str!("attached.sql")).await?,
            targets,
            derived,
            spans: SpanStatements::prepare(connection, &sql.spans).await?,
        })
    }
}

/// What every row of the stream must fulfil.
async fn conditions(connection: &Connection, target: &Target) -> Result<Vec<String>> {
    let rows = connection
        .query(include_str!("conditions.sql"), &[&target.stream.table.to_string()])
        .await
        .map_err(|error| from_pg("could not read the conditions of a stream", &error))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

pub(super) async fn prepare(connection: &Connection, text: &str) -> Result<Statement> {
    connection
        .prepare(text)
        .await
        .map_err(|error| from_pg("could not prepare the SQL of a batch", &error))
}

pub(super) async fn prepare_all<'t>(
    connection: &Connection,
    texts: impl IntoIterator<Item = &'t String>,
) -> Result<Vec<Statement>> {
    let mut out = Vec::new();
    for text in texts {
        out.push(prepare(connection, text).await?);
    }
    Ok(out)
}
