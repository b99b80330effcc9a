//! `howdah run`: ingest from every source, and do the upkeep, until told to end.

mod connections;
mod http;
mod rates;
mod report;
mod shards;

use std::sync::Arc;
use std::time::Duration;

use howdah_archive::Place;
use howdah_error::{Code, Error, Kind, Result};
use howdah_history::keep::{Archive, NoArchive};
use howdah_pg::{Connection, from_pg};
use howdah_plan::{Step, foreign_columns};
use howdah_server::{Jobs, Shards};
use howdah_stream::{Decoder, Progress, SourceSql};
use howdah_system::{Source, System};
use howdah_upkeep::Upkeep;
use howdah_upkeep::run::Told;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::cli::{Global, RunArgs, RunCommand};
use crate::meter::Meter;
use crate::session::{Model, Session};
use crate::{Outcome, output};
use connections::Wanted;
use rates::Rates;

/// How often the private server is looked after.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Runs until the sources end or a signal comes.
pub async fn run(global: &Global, command: &RunCommand) -> Result<Outcome> {
    let mut session = Session::open(global).await?;
    let result = match session.read_from_files(&command.file_source) {
        Ok(()) => Box::pin(told(&session, global, &command.args)).await,
        Err(error) => Err(error),
    };
    session.close().await?;
    result.map(|()| Outcome::Fine)
}

/// Ingests, and tells how it goes.
async fn told(session: &Session, global: &Global, args: &RunArgs) -> Result<()> {
    let shutdown = CancellationToken::new();
    stop_on_signals(shutdown.clone())?;
    let connection = session.connect().await?;
    session.require_applied(&connection).await?;
    let model = session.model(&connection).await?;
    let before = report::before(&connection).await?;
    drop(connection);
    report::start(session, &model.system, &chosen(&model.system, &args.source)?);
    let meter = Meter::default();
    let ingesting =
        Box::pin(ingest_model(session, &model, args, &shutdown, |progress| meter.add(progress)));
    let result = tokio::select! {
        result = ingesting => result,
        () = report::watch(session, &model.system, &before, &meter) => Ok(()),
    };
    if result.is_ok() || meter.totals().events > 0 {
        report::end(&meter, global.format)?;
    }
    result
}

/// Ingests from the chosen sources; `watch` is handed the progress of each shard as it starts.
pub async fn ingest(
    session: &Session,
    args: &RunArgs,
    shutdown: &CancellationToken,
    watch: impl FnMut(watch::Receiver<Progress>),
) -> Result<()> {
    let connection = session.connect().await?;
    let model = session.model(&connection).await?;
    drop(connection);
    Box::pin(ingest_model(session, &model, args, shutdown, watch)).await
}

/// The same, for a model that was read a moment ago.
async fn ingest_model(
    session: &Session,
    model: &Model,
    args: &RunArgs,
    shutdown: &CancellationToken,
    mut watch: impl FnMut(watch::Receiver<Progress>),
) -> Result<()> {
    let connection = session.connect().await?;
    let (requests, sources): (Vec<_>, Vec<_>) =
        chosen(&model.system, &args.source)?.into_iter().partition(|source| http::is_http(source));
    // Who wants the end of what is there now does not wait for requests.
    let requests = if args.once { Vec::new() } else { requests };
    let pool = session.options.get_limits().pool_size;
    let enabled = session.file.upkeep().enabled && !args.once;
    let upkeep = enabled.then(|| upkeep_of(session, model)).transpose()?;
    let wanted = Wanted::new(&sources, &requests, pool).with_upkeep(upkeep.is_some());
    connections::check(&connection, wanted).await?;
    Box::pin(keep_chunks(session, &connection, model)).await?;
    let generation = generation(&connection).await?;
    let rates = Rates::of(&sources);
    let common = shards::Common { session, model, generation, once: args.once, shutdown };
    let (known, jobs) = (Shards::default(), Jobs::default());
    let server = if args.once {
        None
    } else {
        http::bind(session, model, requests, generation, (&known, &jobs)).await?
    };
    let watch = |progress: watch::Receiver<Progress>| {
        known.add(progress.clone());
        watch(progress);
    };
    let upkeep = async {
        if let Some(upkeep) = &upkeep {
            howdah_upkeep::run(upkeep, shutdown, |told| note(&jobs, told)).await;
        }
        // What is in hand comes to its end without it.
        std::future::pending::<()>().await;
    };
    let shards = shards::of(&sources, &rates);
    let serving = http::serve(session, model, server, generation, shutdown);
    let working = async {
        let (read, answered) = tokio::join!(shards::run(&common, shards, watch), serving);
        read.and(answered)
    };
    tokio::select! {
        result = Box::pin(working) => result,
        () = upkeep => Ok(()),
        () = keep_server(session) => Ok(()),
        () = rates.follow(&session.path) => Ok(()),
    }
}

/// Starts the private server again whenever it dies; a batch in hand waits for it.
async fn keep_server(session: &Session) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        match session.revive().await {
            Ok(false) => {}
            Ok(true) => tracing::warn!("the private server had died and was started again"),
            Err(error) => tracing::warn!(%error, "could not start the private server again"),
        }
    }
}

/// What the writer of a source runs.
pub fn source_sql(model: &Model, source: &Source, generation: i64) -> Result<Arc<SourceSql>> {
    SourceSql::new(&model.system, source, generation, |rollup| {
        let level = &rollup.levels[0];
        model
            .catalog
            .relation(&level.table)
            .map(|relation| {
                foreign_columns(model.system.stream_of(rollup), rollup, level, relation)
            })
            .unwrap_or_default()
    })
    .map(Arc::new)
}

/// What reads the events of a source.
pub fn decoder(system: &System, source: &Source) -> Result<Decoder> {
    Ok(Decoder::new(source, &system.streams)?.with_event_bytes(system.ingest.event_bytes))
}

fn chosen<'a>(system: &'a System, names: &[String]) -> Result<Vec<&'a Source>> {
    if let Some(unknown) =
        names.iter().find(|name| !system.sources.iter().any(|source| source.name == **name))
    {
        let known: Vec<&str> = system.sources.iter().map(|source| source.name.as_str()).collect();
        return Err(Error::input(format!("source \"{unknown}\" does not exist"))
            .code(Code::UnknownName)
            .hint(format!("The system file has: {}.", known.join(", "))));
    }
    Ok(system
        .sources
        .iter()
        .filter(|source| names.is_empty() || names.contains(&source.name))
        .collect())
}

/// The database must be as the system file says; chunks are made here.
async fn keep_chunks(session: &Session, connection: &Connection, model: &Model) -> Result<()> {
    let (plan, _) = session.plan(connection, model).await?;
    let is_chunk = |step: &Step| step.id.starts_with("chunk ");
    let other: Vec<&Step> = plan.steps.iter().filter(|step| !is_chunk(step)).collect();
    if let Some(first) = other.first() {
        return Err(Error::new(Kind::Conflict, "the database is not what the system file says")
            .code(Code::NotApplied)
            .detail(format!("{} steps are due, the first: {}.", other.len(), first.title))
            .hint("Run `howdah plan` to see them and `howdah apply` to do them."));
    }
    howdah_upkeep::apply::apply(connection, &model.system, &plan, &[], |_| {}).await
}

/// Lets the metrics know of a step.
fn note(jobs: &Jobs, told: &Told<'_>) {
    let outcome = match told.step {
        Ok(step) => howdah_server::Outcome::Done {
            did: step.did.is_some(),
            backlog: step.backlog,
            waits: step.waits.is_some(),
            warnings: step.warnings.len(),
        },
        Err(_) => howdah_server::Outcome::Failed,
    };
    jobs.tell(told.job.name(), outcome);
}

/// The upkeep of a system, by this process.
pub fn upkeep_of(session: &Session, model: &Model) -> Result<Upkeep> {
    let archive: Arc<dyn Archive + Send> = match &model.system.export {
        Some(place) => Arc::new(Place::open(place)?),
        None => Arc::new(NoArchive),
    };
    Ok(Upkeep {
        options: session.options.clone(),
        file: session.file.clone(),
        path: session.path.display().to_string(),
        claim: howdah_upkeep::Claim {
            owner: shards::owner(),
            lease: Duration::from_millis(model.system.ingest.lease_ms),
        },
        archive,
    })
}

/// The generation of the database, which writers carry.
pub async fn generation(connection: &Connection) -> Result<i64> {
    connection
        .query_one("select generation from howdah.generation", &[])
        .await
        .map(|row| row.get(0))
        .map_err(|error| from_pg("could not read the generation", &error))
}

/// The first SIGTERM or SIGINT drains; the second ends the process at once.
pub fn stop_on_signals(shutdown: CancellationToken) -> Result<()> {
    let failed = |error| Error::new(Kind::Io, "could not listen for signals").source(error);
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    tokio::spawn(async move {
        let mut told = false;
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if told {
                #[expect(clippy::exit, reason = "the second signal means: at once")]
                std::process::exit(130);
            }
            told = true;
            output::say("ending after what is in hand; again to stop at once");
            shutdown.cancel();
        }
    });
    Ok(())
}
