//! The servers of a campaign, and the database that each of its blocks begins with.

use std::sync::Arc;

use howdah_testkit::{
    Clock, Cluster, ClusterOptions, Persistence, RedisServer, SmallDisk, TcpProxy, TestDatabase,
};

use super::load::connected;
use crate::market::{FILES, REDIS, write};
use crate::rig::Rig;

/// The size of the disk that the database server has for itself.
const DISK: &str = "400m";

/// Servers that one block after the other uses.
pub struct Arena {
    /// PostgreSQL, on a small disk where that can be.
    pub cluster: Cluster,
    /// Redis that keeps what it confirmed.
    pub redis: RedisServer,
    /// Redis that keeps nothing.
    pub forgetful: RedisServer,
    /// Between howdah and PostgreSQL.
    pub proxy: TcpProxy,
    /// Between HTTP clients and howdah.
    pub door: Arc<TcpProxy>,
    /// The time of day of PostgreSQL in the rounds that move it. In others it has the machine's:
    /// the library is not safe in signal handlers, and a backend that waits for itself is no fault
    /// of a clock.
    pub server_clock: Option<Clock>,
    /// The time of day of howdah.
    pub howdah_clock: Option<Clock>,
    /// Applied and empty.
    template: TestDatabase,
    /// The same for blocks of old events.
    aged: TestDatabase,
    /// The one of the block that was staged last.
    staged: Option<TestDatabase>,
    /// The secret of an API key.
    pub secret: String,
    /// Unmounted last.
    pub disk: Option<SmallDisk>,
}

impl Arena {
    /// Starts the servers, and applies the system once.
    pub async fn start() -> Self {
        let disk = SmallDisk::mount(DISK);
        let (server_clock, howdah_clock) = (Clock::new(), Clock::new());
        let cluster = Cluster::start(ClusterOptions {
            folder: disk.as_ref().map(SmallDisk::path),
            extra_settings: [("max_wal_size", "64MB"), ("min_wal_size", "32MB")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..ClusterOptions::default()
        })
        .await;
        let template = cluster.database().await;
        let rig = Rig::new(&template);
        lay(&rig, &template);
        rig.fine(&["apply"]).await;
        let scope = "write:orders,write:trades,any-tenant";
        let made = rig.fine(&["keys", "create", "--name", "campaign", "--scope", scope]).await;
        let aged = cluster.database().await;
        let rig = Rig::new(&aged);
        lay_aged(&rig, &aged);
        rig.fine(&["apply"]).await;
        let proxy = TcpProxy::start(cluster.port()).await;
        Self {
            redis: RedisServer::start(Persistence::AofAlways).await.unwrap(),
            forgetful: RedisServer::start(Persistence::None).await.unwrap(),
            // Until howdah listens there is nothing behind it.
            door: Arc::new(TcpProxy::start(1).await),
            secret: made.stdout.trim().to_owned(),
            cluster,
            proxy,
            server_clock,
            howdah_clock,
            template,
            aged,
            staged: None,
            disk,
        }
    }

    /// What cannot be struck on this machine, and why.
    pub fn lacks(&self) -> Vec<&'static str> {
        let mut lacks = vec![];
        if self.disk.is_none() {
            lacks.push("no disk is filled up: only root can mount a small one");
        }
        if self.server_clock.is_none() {
            lacks.push("no clock jumps: libfaketime is not installed");
        }
        lacks
    }

    /// A folder to run howdah on a fresh database; the one before goes, to make room on the disk.
    pub async fn stage(&mut self) -> Rig {
        if let Some(before) = self.staged.take() {
            before.drop().await;
        }
        for redis in [&self.redis, &self.forgetful] {
            let mut connection = connected(&redis.url()).await.expect("Redis runs");
            redis::cmd("FLUSHALL").exec_async(&mut connection).await.unwrap();
        }
        let database = self.template.copy().await;
        let clock = self.howdah_clock.as_ref().map(Clock::environment).unwrap_or_default();
        let rig = Rig::new(&database)
            .with_redis(self.redis.url())
            .with_database_url(database.url_via(&self.proxy))
            .with_variables([("HOWDAH_BEATS_URL".to_owned(), self.forgetful.url())])
            .with_variables(clock);
        lay(&rig, &self.template);
        self.staged = Some(database);
        rig
    }

    /// The same for a block of old events.
    pub async fn stage_aged(&mut self) -> Rig {
        if let Some(before) = self.staged.take() {
            before.drop().await;
        }
        let database = self.aged.copy().await;
        let rig = Rig::new(&database).with_database_url(database.url_via(&self.proxy));
        lay_aged(&rig, &self.aged);
        self.staged = Some(database);
        rig
    }

    /// Its system file with batches of so many rows.
    pub fn aged_system(&self, rows: u64) -> String {
        aged_system(&self.aged, rows)
    }
}

fn aged_system(database: &TestDatabase, rows: u64) -> String {
    let file = include_str!("system/aged.toml");
    file.replace("{db}", database.name()).replace("{rows}", &rows.to_string())
}

/// Writes the files of a system of old events.
fn lay_aged(rig: &Rig, database: &TestDatabase) {
    rig.write("howdah.toml", aged_system(database, 15));
    rig.write("migrations/0001_events.sql", include_str!("system/aged.sql"));
}

/// Writes the system's files: roles are those of the first database.
fn lay(rig: &Rig, template: &TestDatabase) {
    write(rig, template, &format!("{FILES}{REDIS}{}", include_str!("system/campaign.toml")));
    // A busy machine is not a server that is away.
    let system = std::fs::read_to_string(rig.path("howdah.toml")).unwrap();
    let patient = "[database]\nconnect_timeout = \"60 s\"\n";
    rig.write("howdah.toml", system.replace("[database]\n", patient));
    rig.write("migrations/0002_campaign.sql", include_str!("system/0002_campaign.sql"));
}
