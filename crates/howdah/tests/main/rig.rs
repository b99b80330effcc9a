//! A system in a folder, a database of its own, and the real binary to run on them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use howdah_pg::{ConnectOptions, Connection, connect};
use howdah_testkit::{TestDatabase, TestFolder};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

/// How long a command may take before the test fails instead of hanging: no measure of anything, so
/// long enough for a machine that has other work.
pub const PATIENCE: Duration = Duration::from_secs(600);

/// A folder with a system file, and what its secret references stand for.
pub struct Rig {
    folder: TestFolder,
    database: ConnectOptions,
    database_url: String,
    redis_url: String,
    variables: Vec<(String, String)>,
    /// How many commands were started that go on.
    started: AtomicU32,
}

/// What a command that has ended left.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Rig {
    /// An empty folder for `database`; files are written with [`Self::write`].
    pub fn new(database: &TestDatabase) -> Self {
        Self {
            folder: TestFolder::new(),
            database: database.options().clone(),
            database_url: database.url(),
            redis_url: "redis://127.0.0.1:1/".to_owned(),
            variables: Vec::new(),
            started: AtomicU32::new(0),
        }
    }

    /// The same with the sources of this Redis.
    pub fn with_redis(mut self, url: String) -> Self {
        self.redis_url = url;
        self
    }

    /// The same with more in the environment of every command.
    pub fn with_variables(mut self, more: impl IntoIterator<Item = (String, String)>) -> Self {
        self.variables.extend(more);
        self
    }

    /// The same with howdah, but not the test, going to the database by `url`.
    pub fn with_database_url(mut self, url: String) -> Self {
        self.database_url = url;
        self
    }

    /// A file of the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of the folder.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Appends to a file of the folder.
    pub fn append(&self, name: &str, content: impl AsRef<[u8]>) {
        use std::io::Write as _;
        let file = std::fs::OpenOptions::new().create(true).append(true).open(self.path(name));
        file.unwrap().write_all(content.as_ref()).unwrap();
    }

    /// How the test itself connects: as the owner, past every proxy.
    pub fn database(&self) -> &ConnectOptions {
        &self.database
    }

    /// The test's own connection.
    pub async fn connect(&self) -> Connection {
        match connect(&self.database).await {
            Ok(connection) => connection,
            Err(error) => panic!("{}", error.report()),
        }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_howdah"));
        command
            .arg("--file")
            .arg(self.folder.path())
            .args(args)
            .env("HOWDAH_TEST_DATABASE", &self.database_url)
            .env("HOWDAH_REDIS_URL", &self.redis_url)
            .env("HOWDAH_LOG", "info,howdah_stream=debug,howdah_upkeep=debug")
            .env("NO_COLOR", "1")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs a command to its end.
    pub async fn howdah(&self, args: &[&str]) -> Ended {
        let output = tokio::time::timeout(PATIENCE, self.command(args).output()).await;
        let output = output.unwrap_or_else(|_| panic!("howdah {args:?} does not end")).unwrap();
        Ended {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs a command that shall succeed.
    pub async fn fine(&self, args: &[&str]) -> Ended {
        let ended = self.howdah(args).await;
        assert_eq!(ended.code, Some(0), "howdah {args:?}\n{}\n{}", ended.stdout, ended.stderr);
        ended
    }

    /// Starts a command that goes on; it is killed when dropped.
    pub fn start(&self, args: &[&str]) -> Running {
        self.start_with(args, &[])
    }

    /// The same with more in its environment.
    pub fn start_with(&self, args: &[&str], environment: &[(&str, &str)]) -> Running {
        self.spawn(args, environment, None)
    }

    /// The same with something on its standard input.
    pub fn start_fed(&self, args: &[&str], environment: &[(&str, &str)], input: String) -> Running {
        self.spawn(args, environment, Some(input))
    }

    fn spawn(&self, args: &[&str], environment: &[(&str, &str)], input: Option<String>) -> Running {
        let log = Log(self.path(&log_name(self.started.fetch_add(1, Ordering::Relaxed))));
        let file = std::fs::File::create(&log.0).unwrap();
        let mut command = self.command(args);
        command.envs(environment.iter().copied()).stdout(Stdio::null()).stderr(file);
        if input.is_some() {
            command.stdin(Stdio::piped());
        }
        let mut child = command.spawn().unwrap();
        if let Some((mut pipe, input)) = child.stdin.take().zip(input) {
            // One that is killed reads no more.
            tokio::spawn(async move { pipe.write_all(input.as_bytes()).await });
        }
        Running { child, log }
    }

    /// Everything that started commands have said, from the first to the last.
    pub fn log(&self) -> String {
        let many = self.started.load(Ordering::Relaxed);
        (0..many).map(|number| Log(self.path(&log_name(number))).said()).collect()
    }
}

fn log_name(number: u32) -> String {
    format!("howdah-{number}.log")
}

/// What a command says on standard error.
#[derive(Debug, Clone)]
pub struct Log(PathBuf);

impl Log {
    /// All of it so far.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.0).unwrap_or_default()).into_owned()
    }

    /// Where it listens, once it does.
    pub fn address(&self) -> Option<SocketAddr> {
        let said = self.said();
        let (_, rest) = said.split_once("listening on http://")?;
        // The line may not be whole yet.
        rest.split_once('\n')?.0.trim().parse().ok()
    }
}

/// A command that goes on.
pub struct Running {
    child: Child,
    log: Log,
}

impl Running {
    /// Sends it a signal; one that has ended needs none.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = self.child.id() {
            let _ = kill(Pid::from_raw(pid.try_into().unwrap()), signal);
        }
    }

    /// Whether it runs still.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Whether it is stopped by SIGSTOP (state T of proc(5)).
    pub fn is_stopped(&self) -> bool {
        let Some(pid) = self.child.id() else { return false };
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
    }

    /// Waits for its end; the exit code, `None` when a signal ended it.
    pub async fn wait(&mut self) -> Option<i32> {
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        ended.unwrap_or_else(|_| panic!("howdah does not end: {}", self.said())).unwrap().code()
    }

    /// Kills it with SIGKILL and waits until it is gone.
    pub async fn kill9(&mut self) {
        self.signal(Signal::SIGKILL);
        self.wait().await;
    }

    /// What it has said on standard error.
    pub fn said(&self) -> String {
        self.log.said()
    }

    /// What it says, also when it is gone.
    pub fn log(&self) -> Log {
        self.log.clone()
    }
}

/// Waits until a query gives true; fails with what it waited for.
pub async fn until(what: &str, connection: &Connection, sql: &str) {
    let start = Instant::now();
    while !connection.query_one(sql, &[]).await.unwrap().get::<_, bool>(0) {
        assert!(start.elapsed() < PATIENCE, "not reached: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The rows of a query, each as one text.
pub async fn texts(connection: &Connection, sql: &str) -> Vec<String> {
    let rows = connection.query(&format!("select q::text from ({sql}) q"), &[]).await;
    rows.unwrap().iter().map(|row| row.get(0)).collect()
}

/// The one number of a query.
pub async fn number(connection: &Connection, sql: &str) -> i64 {
    connection.query_one(sql, &[]).await.unwrap().get(0)
}

/// Holds two queries against each other, whatever their order: each row of one is in the other, as
/// often.
pub async fn same_rows(connection: &Connection, what: &str, found: &str, expected: &str) {
    let sql = |one: &str, other: &str| {
        format!("select * from ({one}) a except all select * from ({other}) b limit 5")
    };
    let surplus = texts(connection, &sql(found, expected)).await;
    let missing = texts(connection, &sql(expected, found)).await;
    assert!(
        surplus.is_empty() && missing.is_empty(),
        "{what}: these are there and should not: {surplus:#?}\nthese are missing: {missing:#?}"
    );
}

/// Copies a folder of files into the rig, with the folders in it.
pub fn copy_folder(rig: &Rig, from: &Path, to: &str) {
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{to}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            copy_folder(rig, &path, &format!("{name}/"));
        } else {
            rig.write(&name, std::fs::read(&path).unwrap());
        }
    }
}
