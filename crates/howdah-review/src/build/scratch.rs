//! The throw-away server, and the databases on it.
//!
//! Statements under review run as a plain login that owns its database and nothing else: it can
//! neither reach files nor programs nor change the server.

use std::sync::atomic::{AtomicU32, Ordering};

use howdah_catalog::{Ident, Literal};
use howdah_error::{Error, Kind, Result};
use howdah_pg::server::throwaway_base;
use howdah_pg::{ConnectOptions, Connection, PrivateServer, ServerOptions, connect, from_pg};
use rand::RngExt as _;
use tempfile::TempDir;

/// SQLSTATE: the login may not do this.
pub(super) const INSUFFICIENT_PRIVILEGE: &str = "42501";
/// SQLSTATE: the statement cannot run in a transaction block.
pub(super) const ACTIVE_TRANSACTION: &str = "25001";
/// SQLSTATE: there is no such object.
pub(super) const UNDEFINED_OBJECT: &str = "42704";

/// A server whose databases nobody misses.
#[derive(Debug)]
pub struct Scratch {
    admin: ConnectOptions,
    /// Also the prefix of every database, so that several reviews can share a server.
    owner: String,
    password: String,
    count: AtomicU32,
    server: Option<(PrivateServer, TempDir)>,
}

/// A database on the scratch server.
#[derive(Debug, Clone)]
pub struct ScratchDatabase {
    name: String,
    owner: ConnectOptions,
    admin: ConnectOptions,
}

impl Scratch {
    /// Starts a server of our own in a temporary folder; it ends with this value.
    pub async fn start() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("howdah-review-").tempdir_in(throwaway_base());
        let folder = folder.map_err(|error| {
            Error::new(Kind::Io, "could not make a temporary folder").source(error)
        })?;
        howdah_pg::server::hand_over(folder.path(), 0o755, None)?;
        // Nothing here must outlive the review, so nothing is synced. Databases are copied through
        // the log: compressing it would be a quarter of what a review costs.
        let settings = [
            ("fsync", "off"),
            ("synchronous_commit", "off"),
            ("full_page_writes", "off"),
            ("wal_compression", "off"),
        ];
        let options = ServerOptions {
            extra_settings: settings.map(|(n, v)| (n.to_owned(), v.to_owned())).into(),
            ..ServerOptions::default()
        };
        let server = PrivateServer::start(&folder.path().join("pg"), &options).await?;
        let mut scratch = Self::on(server.admin_options()).await?;
        scratch.server = Some((server, folder));
        Ok(scratch)
    }

    /// Works on a server that is there, as its superuser; for tests, whose server is shared.
    pub async fn on(admin: ConnectOptions) -> Result<Self> {
        let owner = format!("review_{:08x}", rand::rng().random::<u32>());
        let password = format!("{:032x}", rand::rng().random::<u128>());
        let connection = connect(&admin).await?;
        let sql = format!(
            "create role {} login password {}",
            Ident::new(owner.as_str()),
            Literal(&password)
        );
        run(&connection, &sql).await?;
        connection.close().await;
        Ok(Self { admin, owner, password, count: AtomicU32::new(0), server: None })
    }

    /// A new database, empty but for the schema "public", which its owner may write.
    pub async fn database(&self) -> Result<ScratchDatabase> {
        self.create("template0").await
    }

    /// A database with the content of `of`, to which nobody may be connected.
    pub async fn copy(&self, of: &ScratchDatabase) -> Result<ScratchDatabase> {
        self.create(&of.name).await
    }

    async fn create(&self, template: &str) -> Result<ScratchDatabase> {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}_{number}", self.owner);
        let connection = connect(&self.admin).await?;
        let sql = format!(
            "create database {} owner {} template {}",
            Ident::new(name.as_str()),
            Ident::new(self.owner.as_str()),
            Ident::new(template)
        );
        run(&connection, &sql).await?;
        connection.close().await;
        let owner = self.admin.clone().user(self.owner.as_str()).password(self.password.as_str());
        Ok(ScratchDatabase {
            owner: owner.database(name.as_str()),
            admin: self.admin.clone().database(name.as_str()),
            name,
        })
    }

    /// Drops a database that is no longer needed.
    pub async fn drop(&self, database: ScratchDatabase) -> Result<()> {
        let connection = connect(&self.admin).await?;
        let sql = format!("drop database {} with (force)", Ident::new(database.name));
        run(&connection, &sql).await?;
        connection.close().await;
        Ok(())
    }

    /// Ends the server, when it is ours.
    pub async fn stop(self) -> Result<()> {
        match self.server {
            Some((server, _folder)) => server.stop().await,
            None => Ok(()),
        }
    }
}

impl ScratchDatabase {
    /// Connects as the plain login that owns the database.
    pub async fn connect(&self) -> Result<Connection> {
        connect(&self.owner).await
    }

    /// Connects as the superuser: only for statements of our own, never for those under review.
    pub async fn admin(&self) -> Result<Connection> {
        connect(&self.admin).await
    }

    /// How to connect as the owner.
    #[must_use]
    pub fn owner_options(&self) -> &ConnectOptions {
        &self.owner
    }

    /// How to connect as the superuser.
    #[must_use]
    pub fn admin_options(&self) -> &ConnectOptions {
        &self.admin
    }

    /// The owner's role.
    #[must_use]
    pub fn owner(&self) -> &str {
        self.owner.get_user()
    }
}

async fn run(connection: &Connection, sql: &str) -> Result<()> {
    let done = connection.batch_execute(sql).await;
    done.map_err(|error| from_pg("could not prepare the scratch server", &error))
}
