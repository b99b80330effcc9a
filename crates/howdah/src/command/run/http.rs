//! The HTTP server of `howdah run`: requests into the chosen sources, health and metrics.

use std::sync::Arc;

use howdah_error::Result;
use howdah_server::{Jobs, Server, Setup, Shards};
use howdah_stream::Writer;
use howdah_system::{Origin, Source};
use tokio_util::sync::CancellationToken;

use super::source_sql;
use crate::output;
use crate::session::{Model, Session};

/// Whether a source is fed by requests: nothing is read from it.
pub fn is_http(source: &Source) -> bool {
    source.origin == Origin::Http
}

/// A server that listens already; `None` when the system file has no `[http]`.
pub async fn bind(
    session: &Session,
    model: &Model,
    sources: Vec<&Source>,
    generation: i64,
    (shards, jobs): (&Shards, &Jobs),
) -> Result<Option<Server>> {
    let Some(config) = session.file.http() else { return Ok(None) };
    let (system, pool) = (&model.system, session.pool());
    let (shards, jobs) = (shards.clone(), jobs.clone());
    let setup = Setup { config, system, sources, pool, generation, shards, jobs };
    let server = Server::bind(setup).await?;
    let address = server.address();
    output::say(&format!("listening on http://{address}"));
    if !address.ip().is_loopback() {
        tracing::warn!("HTTP without TLS: let a proxy with TLS stand before {address}");
    }
    Ok(Some(server))
}

/// Answers requests until `shutdown`; without a server at once.
pub async fn serve(
    session: &Session,
    model: &Model,
    server: Option<Server>,
    generation: i64,
    shutdown: &CancellationToken,
) -> Result<()> {
    let Some(server) = server else { return Ok(()) };
    let connect = |name: &str| {
        let source = model.system.sources.iter().find(|source| source.name == name);
        let sql = source.map(|source| source_sql(model, source, generation)).transpose();
        let options = session.options.clone().application_name(format!("howdah http {name}"));
        async move {
            let sql = sql?.ok_or_else(|| howdah_error::Error::internal("a source is gone"))?;
            Writer::open(&options, Arc::clone(&sql)).await
        }
    };
    let result = server.run(connect, shutdown.clone()).await;
    if result.is_err() {
        // The other sources end too: their failure is the same, or they would go on alone.
        shutdown.cancel();
    }
    result
}
