//! A database for one test, owned by a plain login.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use howdah_pg::{ConnectOptions, Connection, Limits, connect};

use crate::proxy::TcpProxy;

/// The password of every test login; the servers listen on the loopback and live for minutes.
const PASSWORD: &str = "test";
/// How long a test waits for a connection.
const PATIENCE: Duration = Duration::from_secs(60);

/// A fresh database whose owner is a fresh login: LOGIN CREATEROLE, neither superuser nor
/// BYPASSRLS. Both stay until the cluster ends, or the database is dropped.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    owner: ConnectOptions,
    admin: ConnectOptions,
}

impl TestDatabase {
    pub(crate) async fn create(admin: &ConnectOptions) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        // Unique within the cluster, which this process alone uses.
        let name = format!("t{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let connection = connected(admin).await;
        for sql in [
            format!("create role {name} login createrole password '{PASSWORD}'"),
            format!("create database {name} owner {name}"),
        ] {
            connection.batch_execute(&sql).await.expect("a fresh database");
        }
        connection.close().await;
        let owner = ConnectOptions::new("127.0.0.1", admin.get_port(), &name, &name);
        // A busy machine is not a server that is away.
        let limits = Limits { connect_timeout: PATIENCE, ..Limits::default() };
        let admin = admin.clone().database(&name).limits(limits);
        Self { owner: owner.password(PASSWORD).limits(limits), admin, name }
    }

    /// A database with the same content and the same owner. Nobody may be connected to this one.
    ///
    /// # Panics
    /// When that fails.
    pub async fn copy(&self) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("{}_{}", self.name, COUNT.fetch_add(1, Ordering::Relaxed));
        let connection = connected(&self.admin.clone().database("postgres")).await;
        let sql = format!(
            "create database {name} template {} owner {}",
            self.name,
            self.owner.get_user()
        );
        connection.batch_execute(&sql).await.expect("a copy");
        connection.close().await;
        let (owner, admin) =
            (self.owner.clone().database(&name), self.admin.clone().database(&name));
        Self { name, owner, admin }
    }

    /// Drops it, whoever is connected; its owner stays.
    ///
    /// # Panics
    /// When that fails.
    pub async fn drop(self) {
        let connection = connected(&self.admin.database("postgres")).await;
        let sql = format!("drop database {} with (force)", self.name);
        connection.batch_execute(&sql).await.expect("a database that can be dropped");
        connection.close().await;
    }

    /// The name of the database and of its owner: `t0`, `t1`, … Roles are cluster-wide, so other
    /// roles of the test start with it too.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How to connect as the owner.
    #[must_use]
    pub fn options(&self) -> &ConnectOptions {
        &self.owner
    }

    /// The owner's URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.owner.to_secret_url()
    }

    /// The owner's URL through `proxy`.
    #[must_use]
    pub fn url_via(&self, proxy: &TcpProxy) -> String {
        self.owner.clone().port(proxy.port()).to_secret_url()
    }

    /// Connects as the owner.
    ///
    /// # Panics
    /// When that fails.
    pub async fn connect(&self) -> Connection {
        connected(&self.owner).await
    }

    /// Connects as the superuser.
    ///
    /// # Panics
    /// When that fails.
    pub async fn admin(&self) -> Connection {
        connected(&self.admin).await
    }

    /// Makes another plain login, a member of `in_roles`; gives its URL. Its role is
    /// `<database>_<name>`.
    ///
    /// # Panics
    /// When that fails.
    pub async fn login(&self, name: &str, in_roles: &[&str]) -> String {
        let admin = self.admin().await;
        let role = format!("{}_{name}", self.name);
        let mut sql = format!("create role \"{role}\" login password '{PASSWORD}'");
        for in_role in in_roles {
            sql.push_str(&format!("; grant \"{in_role}\" to \"{role}\""));
        }
        admin.batch_execute(&sql).await.expect("a fresh login");
        admin.close().await;
        ConnectOptions::new("127.0.0.1", self.owner.get_port(), role, &self.name)
            .password(PASSWORD)
            .to_secret_url()
    }
}

async fn connected(options: &ConnectOptions) -> Connection {
    match connect(options).await {
        Ok(connection) => connection,
        Err(error) => panic!("{}", error.report()),
    }
}
