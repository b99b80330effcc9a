//! The server put together: sources, lanes, keys, health, metrics, listener.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use howdah_error::{Code, Error, Kind, Result};
use howdah_pg::Pool;
use howdah_stream::CommitRequests;
use howdah_system::{HttpConfig, Source, System};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::body;
use crate::budget::Budget;
use crate::collect::Held;
use crate::health::Health;
use crate::ingest::Ingest;
use crate::jobs::Jobs;
use crate::keys::Keyring;
use crate::lane::{self, Entrance, Lane};
use crate::listen::listen;
use crate::metrics::Metrics;
use crate::serve::Service;
use crate::shards::Shards;
use crate::source::HttpSource;

/// What a server is made of.
pub struct Setup<'a> {
    /// Bounds, and where to listen.
    pub config: &'a HttpConfig,
    /// The system.
    pub system: &'a System,
    /// The sources that are fed by HTTP.
    pub sources: Vec<&'a Source>,
    /// Connections for keys and health.
    pub pool: Pool,
    /// The generation that this process knows.
    pub generation: i64,
    /// The shards that run beside it.
    pub shards: Shards,
    /// The upkeep that runs beside it.
    pub jobs: Jobs,
}

/// A server that listens already, and answers once it runs.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    service: Arc<Service>,
    lanes: Vec<Lane>,
    config: HttpConfig,
}

impl Server {
    /// Prepares everything and listens.
    pub async fn bind(setup: Setup<'_>) -> Result<Self> {
        let Setup { config, system, sources, pool, generation, shards, jobs } = setup;
        let metrics = Arc::new(Metrics::new());
        let bounds = lane::Bounds {
            rows: system.ingest.batch_rows,
            bytes: system.ingest.batch_bytes,
            linger: config.linger,
        };
        let mut doors = Vec::new();
        let mut lanes = Vec::new();
        for source in sources {
            let prepared = HttpSource::new(system, source)?;
            let (lane, entrance) =
                Lane::new(&source.name, config.queue_requests, bounds, Arc::clone(&metrics));
            doors.push((prepared, entrance));
            lanes.push(lane);
        }
        let budget = Budget::new(config.queue_requests, config.queue_bytes);
        let view = |(source, way): &(HttpSource, Entrance)| (source.name().to_owned(), way.view());
        metrics.collect(Held {
            budget: budget.clone(),
            lanes: doors.iter().map(view).collect(),
            pool: pool.clone(),
        });
        metrics.collect(shards.clone());
        metrics.collect(jobs);
        let cannot = |error| cannot_listen(config.listen, error);
        let listener = TcpListener::bind(config.listen).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let service = Service {
            ingest: Ingest {
                doors,
                keyring: Keyring::new(pool.clone()),
                budget,
                bounds: body::Bounds { bytes: config.body_bytes, time: config.body_timeout },
                wait: config.wait,
                metrics: Arc::clone(&metrics),
            },
            health: Health::new(pool, generation, shards),
            metrics,
            draining: AtomicBool::new(false),
        };
        Ok(Self { listener, address, service: Arc::new(service), lanes, config: config.clone() })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until `shutdown`, then lets open ones end. `connect` makes a writer for the
    /// source of that name. Fails when the system was changed meanwhile.
    pub async fn run<C, F>(
        self,
        connect: impl Fn(&str) -> F,
        shutdown: CancellationToken,
    ) -> Result<()>
    where
        C: CommitRequests,
        F: Future<Output = Result<C>>,
    {
        let Self { listener, service, lanes, config, .. } = self;
        let names: Vec<String> =
            service.ingest.doors.iter().map(|(source, _)| source.name().to_owned()).collect();
        let mut running: FuturesUnordered<_> = lanes
            .into_iter()
            .zip(&names)
            .map(|(lane, name)| {
                let connect = &connect;
                lane.run(move || connect(name))
            })
            .collect();
        // Lanes end when the last connection is gone with its way in.
        let stop = shutdown.child_token();
        let listening =
            listen(listener, service, config.connections, config.header_timeout, stop.clone());
        let lanes = async {
            let mut failure = None;
            while let Some(ended) = running.next().await {
                if let Err(error) = ended {
                    stop.cancel();
                    failure.get_or_insert(error);
                }
            }
            failure
        };
        let (failure, ()) = tokio::join!(lanes, listening);
        failure.map_or(Ok(()), Err)
    }
}

fn cannot_listen(address: SocketAddr, error: std::io::Error) -> Error {
    Error::new(Kind::Io, format!("could not listen on {address}"))
        .code(Code::CannotListen)
        .hint("Choose another port in [http], or end what listens there.")
        .source(error)
}
