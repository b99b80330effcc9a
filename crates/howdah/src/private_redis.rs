//! A Redis of our own: on a free loopback port, with a password, in a folder of ours.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use howdah_error::{Code, Error, Kind, Result};
use howdah_pg::server::{OsUser, ServerCommand, Supervised, free_loopback_port, hand_over};
use nix::sys::signal::Signal;

/// How long a start or an end may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running Redis; it ends with this process.
pub struct PrivateRedis {
    process: Supervised,
    /// Its URL, with the password.
    pub url: String,
}

impl PrivateRedis {
    /// Starts one in `folder`, on the data that is there; code HD0701 when it is not installed.
    pub async fn start(folder: &Path) -> Result<Self> {
        let program = find_program()?;
        let user = OsUser::for_servers()?;
        fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
        let folder = folder.canonicalize().map_err(|error| failed(folder, error))?;
        hand_over(&folder, 0o700, user)?;
        let (port, password) = (free_loopback_port()?, new_password()?);
        let config = write(&folder.join("redis.conf"), &config(&folder, port, &password), user)?;
        let log = write(&folder.join("redis.log"), "", user)?;
        let process = Supervised::start(&ServerCommand {
            program,
            args: vec![config.to_string_lossy().into_owned()],
            environment: Vec::new(),
            stop: Signal::SIGTERM,
            log: log.clone(),
            user,
        })?;
        let this = Self { process, url: format!("redis://:{password}@127.0.0.1:{port}/") };
        this.wait_ready(&log).await?;
        Ok(this)
    }

    /// Stops it and waits for its end.
    pub async fn stop(mut self) {
        self.process.stop(PATIENCE).await;
    }

    async fn wait_ready(&self, log: &Path) -> Result<()> {
        let start = Instant::now();
        while !self.answers().await {
            if self.process.is_gone() || start.elapsed() > PATIENCE {
                let text = fs::read_to_string(log).unwrap_or_default();
                let tail: Vec<&str> = text.lines().rev().take(5).collect();
                let tail: Vec<&str> = tail.into_iter().rev().collect();
                return Err(Error::new(Kind::Io, "the private Redis could not be started")
                    .detail(format!("The end of its log:\n    {}", tail.join("\n    ")))
                    .hint(format!("The whole log is {}.", log.display())));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Whether it has loaded its data and answers.
    async fn answers(&self) -> bool {
        let Ok(client) = redis::Client::open(self.url.as_str()) else { return false };
        let Ok(mut connection) = client.get_multiplexed_async_connection().await else {
            return false;
        };
        redis::cmd("PING").query_async::<String>(&mut connection).await.is_ok()
    }
}

/// The entries outlive the process, so that a demo can go on where the last one ended.
fn config(folder: &Path, port: u16, password: &str) -> String {
    format!(
        "port {port}\nbind 127.0.0.1\ndir \"{}\"\nrequirepass {password}\nsave \"\"\n\
         appendonly yes\nappendfsync everysec\ndaemonize no\n",
        folder.display()
    )
}

fn find_program() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join("redis-server"))
        .find(|program| program.is_file())
        .ok_or_else(|| {
            Error::new(Kind::Io, "\"redis-server\" is not installed")
                .code(Code::ProgramMissing)
                .detail("The demo and the benchmark feed events through a Redis of their own.")
                .hint(
                    "Debian, Ubuntu: sudo apt-get install redis-server. macOS: brew install redis.",
                )
        })
}

fn write(path: &Path, text: &str, user: Option<OsUser>) -> Result<PathBuf> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let file =
        fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path);
    file.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
        .map_err(|error| failed(path, error))?;
    hand_over(path, 0o600, user)?;
    Ok(path.to_owned())
}

fn new_password() -> Result<String> {
    let source = Path::new("/dev/urandom");
    let mut bytes = [0_u8; 16];
    fs::File::open(source)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(|error| failed(source, error))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn failed(path: &Path, error: std::io::Error) -> Error {
    Error::new(Kind::Io, format!("could not use \"{}\"", path.display())).source(error)
}
