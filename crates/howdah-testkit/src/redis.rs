//! A private Redis for tests.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use howdah_error::{Code, Error, Kind, Result};
use howdah_pg::server::{OsUser, ServerCommand, Supervised, free_loopback_port, hand_over};
use nix::sys::signal::Signal;

use crate::ending::end_now;
use crate::folder::TestFolder;

/// How long a start or an end may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What Redis keeps over a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persistence {
    /// Nothing.
    None,
    /// Every acknowledged command (append-only file, `appendfsync always`).
    AofAlways,
}

/// A Redis server on a loopback port in a temporary folder. It keeps its port over restarts.
pub struct RedisServer {
    process: Option<Supervised>,
    program: PathBuf,
    port: u16,
    persistence: Persistence,
    user: Option<OsUser>,
    folder: TestFolder,
}

impl RedisServer {
    /// Starts one; code HD0701 when `redis-server` is not installed.
    pub async fn start(persistence: Persistence) -> Result<Self> {
        let program = find_program()?;
        let folder = TestFolder::new();
        let user = OsUser::for_servers()?;
        hand_over(folder.path(), 0o755, user)?;
        let port = free_loopback_port()?;
        let mut this = Self { process: None, program, port, persistence, user, folder };
        this.launch().await?;
        Ok(this)
    }

    /// The URL: `redis://127.0.0.1:PORT/`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// The port, the same over restarts.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.folder.path()
    }

    /// Kills it with SIGKILL and waits until it is gone.
    ///
    /// # Panics
    /// When it does not go.
    pub async fn kill9(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.signal(Signal::SIGKILL).expect("the server is ours to signal");
            assert!(process.wait_gone(PATIENCE).await, "redis-server did not end");
            process.stop(PATIENCE).await;
        }
    }

    /// Stops it in an orderly way and waits until it is gone.
    pub async fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.stop(PATIENCE).await;
        }
    }

    /// Starts it again on the same port and data, stopping it before if it runs.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await;
        self.launch().await
    }

    async fn launch(&mut self) -> Result<()> {
        let dir = self.folder.path().to_string_lossy().into_owned();
        let aof = if self.persistence == Persistence::AofAlways { "yes" } else { "no" };
        let port = self.port.to_string();
        let args = [
            ["--port", &port],
            ["--bind", "127.0.0.1"],
            ["--dir", &dir],
            ["--save", ""],
            ["--appendonly", aof],
            ["--appendfsync", "always"],
            ["--daemonize", "no"],
        ];
        let log = self.folder.path().join("redis.log");
        std::fs::OpenOptions::new().create(true).append(true).open(&log).map_err(|error| {
            Error::new(Kind::Io, format!("cannot write \"{}\"", log.display())).source(error)
        })?;
        hand_over(&log, 0o600, self.user)?;
        let process = Supervised::start(&ServerCommand {
            program: self.program.clone(),
            args: args.as_flattened().iter().map(ToString::to_string).collect(),
            environment: Vec::new(),
            stop: Signal::SIGTERM,
            log: log.clone(),
            user: self.user,
        })?;
        let start = Instant::now();
        while !self.answers().await {
            if process.is_gone() || start.elapsed() > PATIENCE {
                let log = std::fs::read_to_string(&log).unwrap_or_default();
                return Err(Error::new(Kind::Io, "redis-server did not start").detail(log));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.process = Some(process);
        Ok(())
    }

    /// Whether it has loaded its data and answers.
    async fn answers(&self) -> bool {
        let Ok(client) = redis::Client::open(self.url()) else { return false };
        let Ok(mut connection) = client.get_multiplexed_async_connection().await else {
            return false;
        };
        redis::cmd("PING").query_async::<String>(&mut connection).await.is_ok()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Some(process) = &self.process {
            end_now(process, Signal::SIGKILL);
        }
    }
}

fn find_program() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join("redis-server"))
        .find(|program| program.is_file())
        .ok_or_else(|| {
            Error::new(Kind::Io, "redis-server is not installed")
                .code(Code::ProgramMissing)
                .detail("It is in no folder of PATH.")
                .hint("Install it with `sudo apt-get install redis-server`, or dnf or brew.")
        })
}
