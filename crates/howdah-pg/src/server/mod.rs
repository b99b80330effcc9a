//! The private server: a PostgreSQL of our own in a folder, for when no database is named.
//!
//! It is made from an installed PostgreSQL on first use, runs while its owner runs, and survives
//! whatever happens to either: a lock makes one process its owner, others attach to it, a
//! supervisor ends it when the owner dies, and the next owner clears up what was left.

mod home;
mod install;
mod leftover;
mod login;
mod port;
mod supervise;
mod throwaway;
mod user;

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use howdah_error::{Error, Result};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::Signal;

use crate::options::ConnectOptions;
use home::{Home, failed};
use leftover::PidFile;
use user::io_error;

pub use install::Install;
pub use port::{free_loopback_port, is_free};
pub use supervise::{ServerCommand, Supervised};
pub use throwaway::{IN_MEMORY, memory_bytes, throwaway_base};
pub use user::{OsUser, hand_over};

/// How often a state is looked at while waiting for it.
const POLL: Duration = Duration::from_millis(10);
/// The longest start of all, however much recovery has to do.
const LONGEST_START: Duration = Duration::from_secs(3600);
/// How long an orderly shutdown may take.
const STOP: Duration = Duration::from_secs(30);

/// What may be chosen about a private server.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Server settings by name, written after howdah's own, which they override.
    pub extra_settings: Vec<(String, String)>,
    /// Variables of its environment; of ours it gets none but `PATH`.
    pub environment: Vec<(String, String)>,
    /// The loopback port that it must have; by default the one of the last start, else a free one.
    pub port: Option<u16>,
    /// How long a start may go on without a sign of life; 60 s by default. Recovery gives one
    /// every 10 s (`log_startup_progress_interval`), so that a large one is not cut off each time.
    pub start_timeout: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            extra_settings: Vec::new(),
            environment: Vec::new(),
            port: None,
            start_timeout: Duration::from_secs(60),
        }
    }
}

/// A PostgreSQL server in a folder of ours, listening on a loopback port and a unix socket.
///
/// Dropping its owner's handle ends it in the background; [`stop`](Self::stop) waits for the end.
#[derive(Debug)]
pub struct PrivateServer {
    home: Home,
    port: u16,
    superuser_password: String,
    login_password: String,
    owned: Option<Owned>,
}

/// What only the owner holds; the server is let go before the lock.
#[derive(Debug)]
struct Owned {
    server: Supervised,
    install: Install,
    options: ServerOptions,
    _lock: Flock<File>,
}

impl PrivateServer {
    /// Starts the server of folder `dir`, creating both when they are missing.
    ///
    /// When another process runs it already, this attaches to it: the server then ends with that
    /// process, not with this one ([`is_attached`](Self::is_attached)). As root the server runs as
    /// the system user `postgres` (else `nobody`); when he cannot enter `dir`, the files lie under
    /// `/var/lib/howdah` ([`home`](Self::home)).
    ///
    /// Errors: HD0105 no PostgreSQL installed, HD0106 anything that went wrong, with the end of
    /// the server's log.
    pub async fn start(dir: &Path, options: &ServerOptions) -> Result<Self> {
        let dir = make_absolute(dir)?;
        let deadline = Instant::now() + options.start_timeout;
        loop {
            if let Some(lock) = take_lock(&dir)? {
                return Self::own(&dir, lock, options, deadline).await;
            }
            if let Some(attached) = Self::attach(&dir).await {
                return Ok(attached);
            }
            if Instant::now() > deadline {
                return Err(taken(&dir));
            }
            tokio::time::sleep(POLL * 5).await;
        }
    }

    async fn own(
        dir: &Path,
        lock: Flock<File>,
        options: &ServerOptions,
        deadline: Instant,
    ) -> Result<Self> {
        let home = Home::open(dir, OsUser::for_servers()?)?;
        leftover::end(&home, deadline).await?;
        let install = home.choose_install(Install::all()?)?;
        let settings = settings(options);
        let sync = settings.iter().all(|(name, value)| name != "fsync" || value != "off");
        let (creator, created_from) = (home.clone(), install.clone());
        tokio::task::spawn_blocking(move || creator.create_cluster(&created_from, sync))
            .await
            .map_err(|error| Error::internal("initdb was interrupted").source(error))??;
        home.write_settings(&settings)?;
        let (server, port) = launch(&home, &install, options, deadline).await?;
        let superuser_password = home.password("superuser").ok_or_else(|| {
            failed("the password of the private server is lost").hint(format!(
                "Move the folder {} away to start anew, or put superuser.password back.",
                home.path.display()
            ))
        })?;
        let login_password = home.make_password(login::NAME)?;
        let options = ServerOptions { port: Some(port), ..options.clone() };
        let owned = Some(Owned { server, install, options, _lock: lock });
        let this = Self { home, port, superuser_password, login_password, owned };
        login::ensure(&this.admin_options(), &this.login_password).await?;
        Ok(this)
    }

    /// The server that another process runs, once it takes connections.
    async fn attach(dir: &Path) -> Option<Self> {
        let path = Home::elsewhere(dir).unwrap_or_else(|| dir.to_owned());
        let home = Home { path, user: OsUser::for_servers().ok()? };
        PidFile::read(&home.data()).filter(|file| file.ready)?;
        let this = Self {
            port: home.saved_port()?,
            superuser_password: home.password("superuser")?,
            login_password: home.password(login::NAME)?,
            home,
            owned: None,
        };
        // Until the owner has made the login, this fails and is tried again.
        let connection = crate::connect(&this.options()).await.ok()?;
        connection.close().await;
        Some(this)
    }

    /// How to connect as the plain login `howdah`, which owns database `howdah` and may create
    /// roles, over TCP.
    pub fn options(&self) -> ConnectOptions {
        ConnectOptions::new("127.0.0.1", self.port, login::NAME, login::NAME)
            .password(&self.login_password)
    }

    /// How to connect as the superuser `postgres` to database `postgres`, over TCP.
    pub fn admin_options(&self) -> ConnectOptions {
        ConnectOptions::new("127.0.0.1", self.port, "postgres", "postgres")
            .password(&self.superuser_password)
    }

    /// [`options`](Self::options) as a URL, with the password.
    pub fn url(&self) -> String {
        self.options().to_secret_url()
    }

    /// [`admin_options`](Self::admin_options) as a URL, with the password.
    pub fn admin_url(&self) -> String {
        self.admin_options().to_secret_url()
    }

    /// The loopback port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder where its files lie; not the one asked for when the server's user cannot enter
    /// that.
    pub fn home(&self) -> &Path {
        &self.home.path
    }

    /// The folder of its unix socket.
    pub fn socket_dir(&self) -> PathBuf {
        self.home.socket_dir()
    }

    /// Its log.
    pub fn log(&self) -> PathBuf {
        self.home.log()
    }

    /// Who runs it, when not we.
    pub fn os_user(&self) -> Option<OsUser> {
        self.home.user
    }

    /// Whether another process owns it and ends it.
    pub fn is_attached(&self) -> bool {
        self.owned.is_none()
    }

    /// The supervised process, when we own it: to signal it, or to wait for its end.
    pub fn process(&self) -> Option<&Supervised> {
        self.owned.as_ref().map(|owned| &owned.server)
    }

    /// Starts the server again, on the same port, if its process has ended behind our back (killed
    /// for memory, say); `false` when it runs, or is not ours. Errors as [`start`](Self::start).
    pub async fn revive(&mut self) -> Result<bool> {
        let Some(owned) = self.owned.as_mut().filter(|owned| owned.server.is_gone()) else {
            return Ok(false);
        };
        let deadline = Instant::now() + owned.options.start_timeout;
        owned.server.stop(STOP).await;
        let (server, _) = launch(&self.home, &owned.install, &owned.options, deadline).await?;
        owned.server = server;
        Ok(true)
    }

    /// Stops the server (fast shutdown: open transactions are rolled back) and waits for its end;
    /// an attached one is left alone. Error HD0106 when it had to be killed.
    pub async fn stop(self) -> Result<()> {
        let Some(mut owned) = self.owned else { return Ok(()) };
        if owned.server.stop(STOP).await {
            return Ok(());
        }
        Err(failed("the private server did not stop and was killed")
            .detail(format!("It took more than {} s.", STOP.as_secs()))
            .hint("Nothing is lost; the next start recovers."))
    }
}

/// Settings for a small machine that nobody tends, then the caller's.
fn settings(options: &ServerOptions) -> Vec<(String, String)> {
    let own = [
        ("shared_buffers", "256MB"),
        ("max_connections", "50"),
        ("max_wal_size", "2GB"),
        ("wal_compression", "on"),
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("log_min_messages", "warning"),
        // Row values in the log are nobody's business.
        ("log_error_verbosity", "terse"),
        ("log_min_error_statement", "panic"),
    ];
    let mut all: Vec<_> = own.map(|(n, v)| (n.to_owned(), v.to_owned())).into();
    all.retain(|(name, _)| options.extra_settings.iter().all(|(extra, _)| extra != name));
    all.extend(options.extra_settings.iter().cloned());
    all
}

/// Starts the process until it takes connections; another port when the first is taken.
async fn launch(
    home: &Home,
    install: &Install,
    options: &ServerOptions,
    deadline: Instant,
) -> Result<(Supervised, u16)> {
    let socket_dir = home.make_socket_dir()?;
    let mut port = match options.port.or_else(|| home.saved_port().filter(|port| is_free(*port))) {
        Some(port) => port,
        None => free_loopback_port()?,
    };
    loop {
        let log_from = home.open_log()?;
        let mut command = server_command(home, install, options, &socket_dir, port);
        command.environment.clone_from(&options.environment);
        let mut server = Supervised::start(&command)?;
        if wait_ready(home, &server, options.start_timeout).await {
            home.save_port(port)?;
            return Ok((server, port));
        }
        let timed_out = !server.is_gone();
        server.stop(Duration::from_secs(5)).await;
        let log = home.log_since(log_from);
        let port_taken = log.contains("could not create any TCP/IP sockets");
        // Children of a server that was killed end by themselves, but not at once.
        let children_left = log.contains("pre-existing shared memory block");
        let again = (port_taken && options.port.is_none()) || children_left;
        if timed_out || !again || Instant::now() > deadline {
            return Err(not_started(home, options, timed_out, &log));
        }
        if port_taken {
            port = free_loopback_port()?;
        } else {
            tokio::time::sleep(POLL * 5).await;
        }
    }
}

fn server_command(
    home: &Home,
    install: &Install,
    options: &ServerOptions,
    socket_dir: &Path,
    port: u16,
) -> ServerCommand {
    let quoted = socket_dir.to_string_lossy().replace('"', "\"\"");
    let mut args = vec![
        "-D".to_owned(),
        home.data().to_string_lossy().into_owned(),
        "-c".to_owned(),
        format!("port={port}"),
        "-c".to_owned(),
        format!("unix_socket_directories=\"{quoted}\""),
    ];
    // On the command line nothing that is run on the server changes it; a caller may choose it.
    if options.extra_settings.iter().all(|(name, _)| name != "listen_addresses") {
        args.extend(["-c".to_owned(), "listen_addresses=127.0.0.1".to_owned()]);
    }
    ServerCommand {
        program: install.program("postgres"),
        args,
        environment: Vec::new(),
        // "Fast" shutdown.
        stop: Signal::SIGINT,
        log: home.log(),
        user: home.user,
    }
}

/// Waits until the server says that it is ready; `false` when it ends, or when its log does not
/// grow for `patience`.
async fn wait_ready(home: &Home, server: &Supervised, patience: Duration) -> bool {
    let data = home.data();
    let start = Instant::now();
    let (mut sign, mut length) = (start, home.log_length());
    while !server.is_gone() && sign.elapsed() < patience && start.elapsed() < LONGEST_START {
        let ready = PidFile { pid: server.pid(), ready: true };
        if PidFile::read(&data) == Some(ready) {
            return true;
        }
        tokio::time::sleep(POLL).await;
        if home.log_length() != length {
            (sign, length) = (Instant::now(), home.log_length());
        }
    }
    false
}

fn not_started(home: &Home, options: &ServerOptions, timed_out: bool, log: &str) -> Error {
    let what = if timed_out {
        format!("It gave no sign of life for {} s", options.start_timeout.as_secs())
    } else {
        "It ended at once".to_owned()
    };
    let lines: Vec<_> = log.lines().rev().take(20).collect();
    let tail = lines.into_iter().rev().collect::<Vec<_>>().join("\n    ");
    failed("the private server could not be started")
        .detail(format!("{what}; the end of its log:\n    {tail}"))
        .hint(format!("The whole log is {}.", home.log().display()))
}

/// Takes the lock of `dir` and notes our process in it; none when another process has it.
fn take_lock(dir: &Path) -> Result<Option<Flock<File>>> {
    let path = dir.join("lock");
    let failed = |error| io_error("lock", &path, error);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .map_err(failed)?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(mut lock) => {
            lock.set_len(0).map_err(failed)?;
            lock.rewind().map_err(failed)?;
            writeln!(lock, "{}", std::process::id()).map_err(failed)?;
            Ok(Some(lock))
        }
        Err((_, Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, error)) => Err(failed(error.into())),
    }
}

/// Another process has the lock, and its server does not come up.
fn taken(dir: &Path) -> Error {
    let mut owner = String::new();
    let _ = File::open(dir.join("lock")).and_then(|mut file| file.read_to_string(&mut owner));
    let owner = owner.trim();
    failed("the private server of another process does not come up")
        .detail(format!("Process {owner} holds {}.", dir.display()))
        .hint("Wait for it, end it, or use another folder.")
}

/// The folder, made and absolute.
fn make_absolute(dir: &Path) -> Result<PathBuf> {
    let failed = |error| io_error("create", dir, error);
    if !dir.is_dir() {
        std::fs::create_dir_all(dir).map_err(failed)?;
        // The server's user must be able to pass through; the files themselves are private.
        hand_over(dir, 0o755, None)?;
    }
    dir.canonicalize().map_err(failed)
}
