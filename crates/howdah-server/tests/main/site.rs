//! A system with tenants, a stream and an account book, applied to a database of its own, and a
//! server for it.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use howdah_catalog::Catalog;
use howdah_error::Result;
use howdah_pg::{ConnectOptions, Connection, Pool, introspect};
use howdah_plan::foreign_columns;
use howdah_server::keys::{self, NewKey, Secret};
use howdah_server::{Jobs, Server, Setup, Shards};
use howdah_stream::{SourceSql, Writer};
use howdah_system::{Origin, System, SystemFile};
use howdah_testkit::{Cluster, TcpProxy, TestDatabase};
use howdah_upkeep::{answer_questions, apply, read_facts};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::client::{Client, Reply, request};

const MIGRATIONS: &str = "
create table tenants (id text primary key);
insert into tenants values ('a'), ('b');
create table events (
    tenant_id text not null, id bigint not null, at timestamptz not null,
    price numeric(10,2), note varchar(20) check (note <> 'forbidden')
);
create table postings (
    tenant_id text not null, account text not null, txn text not null,
    at timestamptz not null, amount numeric(12,2) not null
);
create table ticks (id bigint not null, at timestamptz not null);
";

const SYSTEM: &str = "
[system]
name = \"{db}\"
[tenants]
column = \"tenant_id\"
table = \"tenants\"
[http]
listen = \"127.0.0.1:0\"
{http}
[ingest]
batch_rows = 2000
[streams.events]
time = \"at\"
key = [\"id\"]
[streams.postings]
time = \"at\"
key = [\"txn\"]
[streams.ticks]
time = \"at\"
[sources.events]
http = true
into = \"events\"
map = { price = \"p.amount\" }
[sources.postings]
http = true
into = \"postings\"
[sources.raw_ticks]
http = true
into = \"ticks\"
[sources.mixed]
http = true
[[sources.mixed.routes]]
into = \"ticks\"
when = { kind = \"tick\" }
[[sources.mixed.routes]]
into = \"postings\"
when = { kind = \"transfer\" }
legs = \"legs\"
map = { account = \"legs[].account\", amount = \"legs[].amount\", txn = \"legs[].txn\" }
[rollups.days]
from = \"events\"
every = \"1 day\"
events = \"count(*)\"
total = \"sum(price)\"
[rollups.balances]
from = \"postings\"
by = [\"account\"]
balance = \"sum(amount)\"
check = \"balance >= 0\"
";

/// A server that runs in the test's own process.
pub struct Site {
    pub db: TestDatabase,
    pub client: Connection,
    pub address: SocketAddr,
    pub shutdown: CancellationToken,
    file: SystemFile,
    task: JoinHandle<Result<()>>,
}

impl Site {
    /// A server with the defaults.
    pub async fn start() -> Self {
        Self::start_with("").await
    }

    /// A server with these lines of `[http]`.
    pub async fn start_with(http: &str) -> Self {
        let db = Cluster::shared().await.database().await;
        Self::start_on(db, http, |options| options).await
    }

    /// A server that goes to the database through a proxy.
    pub async fn start_behind(http: &str) -> (Self, TcpProxy) {
        let cluster = Cluster::shared().await;
        let proxy = TcpProxy::start(cluster.port()).await;
        let port = proxy.port();
        let db = cluster.database().await;
        (Self::start_on(db, http, |options| options.port(port)).await, proxy)
    }

    async fn start_on(
        db: TestDatabase,
        http: &str,
        change: impl FnOnce(ConnectOptions) -> ConnectOptions,
    ) -> Self {
        let client = db.connect().await;
        client.batch_execute(MIGRATIONS).await.unwrap();
        let text = SYSTEM.replace("{db}", db.name()).replace("{http}", http);
        let file = fine(SystemFile::read_text("howdah.toml", &text));
        let (catalog, system) = model(&client, &file).await;
        let facts = fine(read_facts(&client, &system, &catalog).await);
        let plan = fine(howdah_plan::plan(&system, &catalog, &facts));
        fine(apply::apply(&client, &system, &plan, &[], |_| {}).await);
        let shutdown = CancellationToken::new();
        let options = change(db.options().clone());
        let (address, task) = serve(&client, &file, options, shutdown.clone()).await;
        Self { db, client, address, shutdown, file, task }
    }

    /// Another server on the same database, as another process would be.
    pub async fn another(&self) -> SocketAddr {
        let options = self.db.options().clone();
        serve(&self.client, &self.file, options, self.shutdown.clone()).await.0
    }

    /// A key with these scopes, separated by commas.
    pub async fn key(&self, scopes: &str, tenant: Option<&str>) -> String {
        let secret = fine(Secret::generate());
        let key = NewKey {
            name: "test".to_owned(),
            scopes: scopes.split(',').map(|scope| scope.parse().unwrap()).collect(),
            tenant: tenant.map(str::to_owned),
            expires_in: None,
        };
        fine(keys::create(&self.client, &key, &secret).await);
        secret.reveal().to_owned()
    }

    /// A key for all streams and the tenant `a`.
    pub async fn key_of_a(&self) -> Sender {
        let secret = self.key("write:events,write:postings,write:ticks", Some("a")).await;
        Sender { address: self.address, secret }
    }

    pub async fn get(&self, path: &str) -> Reply {
        let mut client = Client::connect(self.address).await;
        client.write(request("GET", path, &[], b"")).await;
        client.read().await.unwrap()
    }

    /// The server answers as it did at its start.
    pub async fn assert_well(&self) {
        assert_eq!(self.get("/livez").await.status, 200);
        let ready = self.get("/readyz").await;
        assert_eq!(ready.status, 200, "{ready:?}");
        let reply = self.key_of_a().await.post("ticks", &[], TICK).await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }

    pub async fn number(&self, sql: &str) -> i64 {
        self.client.query_one(sql, &[]).await.unwrap().get(0)
    }

    /// Stops it; every request that it had taken is answered then.
    pub async fn stop(self) -> Result<()> {
        self.shutdown.cancel();
        self.task.await.unwrap()
    }
}

/// An event without anything special.
pub const TICK: &str = "{\"id\":1,\"at\":\"2026-11-20T00:00:00Z\"}";

/// Who sends events with one key.
#[derive(Debug, Clone)]
pub struct Sender {
    pub address: SocketAddr,
    pub secret: String,
}

impl Sender {
    /// Sends NDJSON to a source by its own name.
    pub async fn post_to_source(&self, source: &str, body: &str) -> Reply {
        let request = String::from_utf8(self.request("", &[], body.as_bytes())).unwrap();
        let mut client = Client::connect(self.address).await;
        client.write(request.replace("/v1/streams/", &format!("/v1/sources/{source}"))).await;
        client.read().await.expect("an answer")
    }

    /// Sends NDJSON, unless the headers say something else.
    pub async fn post(
        &self,
        stream: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Reply {
        let mut client = Client::connect(self.address).await;
        client.write(self.request(stream, headers, body.as_ref())).await;
        client.read().await.expect("an answer")
    }

    /// The bytes of the same.
    pub fn request(&self, stream: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
        let bearer = format!("Bearer {}", self.secret);
        let mut all = vec![("authorization", bearer.as_str())];
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            all.push(("content-type", "application/x-ndjson"));
        }
        all.extend_from_slice(headers);
        request("POST", &format!("/v1/streams/{stream}"), &all, body)
    }
}

async fn model(client: &Connection, file: &SystemFile) -> (Catalog, System) {
    let catalog = fine(introspect(client).await);
    let draft = file.check(&catalog);
    let answers = fine(answer_questions(client, &draft.questions).await);
    let system = draft.finish(answers).unwrap_or_else(|problems| panic!("{problems:?}"));
    (catalog, system)
}

async fn serve(
    client: &Connection,
    file: &SystemFile,
    options: ConnectOptions,
    shutdown: CancellationToken,
) -> (SocketAddr, JoinHandle<Result<()>>) {
    let (catalog, system) = model(client, file).await;
    let row = client.query_one("select generation from howdah.generation", &[]).await.unwrap();
    let generation: i64 = row.get(0);
    let setup = Setup {
        config: file.http().unwrap(),
        system: &system,
        sources: system.sources.iter().filter(|source| source.origin == Origin::Http).collect(),
        pool: fine(Pool::new(options.clone())),
        generation,
        shards: Shards::default(),
        jobs: Jobs::default(),
    };
    let server = fine(Server::bind(setup).await);
    let address = server.address();
    let task = tokio::spawn(async move {
        let connect = |name: &str| {
            let source = system.sources.iter().find(|source| source.name == name).unwrap();
            let sql = SourceSql::new(&system, source, generation, |rollup| {
                let level = &rollup.levels[0];
                let stream = system.stream_of(rollup);
                let relation = catalog.relation(&level.table);
                let columns = |relation| foreign_columns(stream, rollup, level, relation);
                relation.map(columns).unwrap_or_default()
            });
            let options = options.clone();
            Box::pin(async move { Writer::open(&options, Arc::new(sql?)).await })
                as Pin<Box<dyn Future<Output = Result<Writer>> + Send>>
        };
        server.run(connect, shutdown).await
    });
    (address, task)
}

/// The value, or a panic with the whole report.
pub fn fine<T>(result: Result<T>) -> T {
    result.unwrap_or_else(|error| panic!("{}", error.report()))
}
