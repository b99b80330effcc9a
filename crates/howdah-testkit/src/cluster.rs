//! A private PostgreSQL for tests, with the faults that a server can have.

use std::path::{Path, PathBuf};
use std::time::Duration;

use howdah_pg::{ConnectOptions, PrivateServer, ServerOptions};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::sync::OnceCell;

use crate::database::TestDatabase;
use crate::ending::end_now;
use crate::folder::TestFolder;

/// How long any end of a server may take.
const END: Duration = Duration::from_secs(60);

/// What may be chosen about a test cluster.
#[derive(Debug, Clone, Default)]
pub struct ClusterOptions {
    /// Whether `fsync` is on. It is off by default, also for tests that kill the server: what a
    /// killed process has written stays with the operating system, and only the machine's crash
    /// would lose it.
    pub durable: bool,
    /// Server settings by name.
    pub extra_settings: Vec<(String, String)>,
    /// Variables of the server's environment.
    pub environment: Vec<(String, String)>,
    /// Where its files lie instead of in a temporary folder of its own, such as on a small disk.
    pub folder: Option<PathBuf>,
}

/// A PostgreSQL server in a temporary folder. It keeps its port over restarts.
pub struct Cluster {
    server: Option<PrivateServer>,
    options: ServerOptions,
    admin: ConnectOptions,
    dir: PathBuf,
    /// Removed with the cluster.
    _folder: Option<TestFolder>,
}

impl Cluster {
    /// The cluster that all tests of this process share; it ends with the process.
    ///
    /// # Panics
    /// When it cannot be started.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Cluster> = OnceCell::const_new();
        SHARED.get_or_init(|| Self::start(ClusterOptions::default())).await
    }

    /// A cluster of its own for a test that harms it.
    ///
    /// # Panics
    /// When it cannot be started.
    pub async fn start(options: ClusterOptions) -> Self {
        let own = options.folder.is_none().then(TestFolder::new);
        let folder = own.as_ref().map(|own| own.path().to_owned());
        let dir = folder.or(options.folder).unwrap_or_default().join("pg");
        let durable = if options.durable { "on" } else { "off" };
        let mut settings: Vec<(String, String)> = [
            ("shared_buffers", "64MB"),
            ("max_connections", "300"),
            ("autovacuum_naptime", "5s"),
            ("fsync", durable),
            // What is written for a crash of the machine, and a third of what a new database costs.
            ("full_page_writes", durable),
            ("wal_compression", "off"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        settings.retain(|(name, _)| options.extra_settings.iter().all(|(extra, _)| extra != name));
        settings.extend(options.extra_settings);
        let mut server_options = ServerOptions {
            extra_settings: settings,
            environment: options.environment,
            ..Default::default()
        };
        let server = start(&dir, &server_options).await;
        server_options.port = Some(server.port());
        let admin = server.admin_options();
        Self { server: Some(server), options: server_options, admin, dir, _folder: own }
    }

    /// How to connect as the superuser to database `postgres`.
    #[must_use]
    pub fn admin_options(&self) -> &ConnectOptions {
        &self.admin
    }

    /// The port, the same over restarts.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.admin.get_port()
    }

    /// Its folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The server that runs now, if it was not killed.
    #[must_use]
    pub fn server(&self) -> Option<&PrivateServer> {
        self.server.as_ref()
    }

    /// A fresh database with a fresh plain owner.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn database(&self) -> TestDatabase {
        TestDatabase::create(&self.admin).await
    }

    /// Kills the server with SIGKILL, as a crash would, and waits until its children are gone too.
    ///
    /// # Panics
    /// When they do not go.
    pub async fn kill9(&mut self) {
        self.end(Signal::SIGKILL).await;
    }

    /// Stops the server without a checkpoint ("immediate"): the next start recovers.
    ///
    /// # Panics
    /// When it does not stop.
    pub async fn stop_immediate(&mut self) {
        self.end(Signal::SIGQUIT).await;
    }

    async fn end(&mut self, signal: Signal) {
        let Some(server) = self.server.take() else { return };
        if let Some(process) = server.process() {
            process.signal(signal).expect("the server is ours to signal");
            assert!(process.wait_gone(END).await, "the server did not end after {signal}");
        }
        server.stop().await.expect("the supervisor ends");
    }

    /// Starts the server again on the same port, stopping it before if it runs.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.server = Some(start(&self.dir, &self.options).await);
    }

    /// Starts the server again with this environment in place of the one it had.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn restart_under(&mut self, environment: Vec<(String, String)>) {
        self.options.environment = environment;
        self.restart().await;
    }

    /// Starts the server again when it has ended by itself; whether it had.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn revive(&mut self) -> bool {
        let process = self.server.as_ref().and_then(PrivateServer::process);
        if process.is_some_and(|process| !process.is_gone()) {
            return false;
        }
        self.restart().await;
        true
    }

    /// Stops the server in an orderly way and waits for its end.
    ///
    /// # Panics
    /// When it has to be killed.
    pub async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await.expect("the server stops");
        }
    }

    /// Freezes all of the server's processes (SIGSTOP; without `/proc` the postmaster alone): the
    /// system still accepts connections for it, but nothing is answered.
    ///
    /// # Panics
    /// When the server does not run.
    pub fn pause(&self) {
        self.signal_all(Signal::SIGSTOP);
    }

    /// Undoes [`pause`](Self::pause).
    ///
    /// # Panics
    /// When the server does not run.
    pub fn resume(&self) {
        self.signal_all(Signal::SIGCONT);
    }

    /// Signals the postmaster first, so that it starts no child meanwhile, then its children.
    fn signal_all(&self, signal: Signal) {
        let process = self.server.as_ref().and_then(PrivateServer::process);
        let process = process.expect("the server runs");
        let pid = process.pid();
        process.signal(signal).expect("the server is ours to signal");
        for child in children_of(pid) {
            // One that ended meanwhile needs no signal.
            let _ = kill(Pid::from_raw(child), signal);
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(process) = self.server.as_ref().and_then(PrivateServer::process) {
            self.signal_all(Signal::SIGCONT);
            end_now(process, Signal::SIGQUIT);
        }
    }
}

async fn start(dir: &Path, options: &ServerOptions) -> PrivateServer {
    match PrivateServer::start(dir, options).await {
        Ok(server) => server,
        Err(error) => panic!("{}", error.report()),
    }
}

/// The children of process `parent`, from `/proc/PID/stat` (proc(5): field 4 is the parent).
fn children_of(parent: i32) -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            // The name in parentheses may hold anything, so what follows the last one counts.
            let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
            after.split_whitespace().nth(1).and_then(|ppid| ppid.parse().ok()) == Some(parent)
        })
        .collect()
}
