//! A private Mosquitto for tests, and a publisher that knows what has arrived.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use howdah_error::{Code, Error, Kind, Result};
use howdah_pg::server::{OsUser, ServerCommand, Supervised, free_loopback_port, hand_over};
use nix::sys::signal::Signal;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use tokio::net::TcpStream;

use crate::ending::end_now;
use crate::folder::TestFolder;

/// How long a start or an end may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The one user, and his password.
const USER: &str = "howdah";
const PASSWORD: &str = "s%3Acret";
/// The same without percent-encoding.
const PLAIN_PASSWORD: &str = "s:cret";

/// A Mosquitto broker on a loopback port in a temporary folder. It keeps its port, its sessions and
/// what it holds for them over restarts, and lets in one user with a password.
pub struct Mosquitto {
    process: Option<Supervised>,
    program: PathBuf,
    port: u16,
    /// More lines of its configuration.
    settings: String,
    user: Option<OsUser>,
    folder: TestFolder,
}

impl Mosquitto {
    /// Starts one; code HD0701 when `mosquitto` is not installed.
    pub async fn start() -> Result<Self> {
        Self::start_with(|_| Ok(String::new())).await
    }

    /// The same with more lines in its configuration, such as for TLS; `settings` may put files
    /// into its folder.
    pub async fn start_with(settings: impl FnOnce(&Path) -> Result<String>) -> Result<Self> {
        let program = find_program("mosquitto")?;
        let folder = TestFolder::new();
        let user = OsUser::for_servers()?;
        hand_over(folder.path(), 0o755, user)?;
        let settings = settings(folder.path())?;
        let port = free_loopback_port()?;
        let mut this = Self { process: None, program, port, settings, user, folder };
        this.configure()?;
        this.launch().await?;
        Ok(this)
    }

    /// The URL with user and password: `mqtt://…@127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_at(self.port)
    }

    /// The same by another port, such as that of a proxy.
    #[must_use]
    pub fn url_at(&self, port: u16) -> String {
        format!("mqtt://{USER}:{PASSWORD}@127.0.0.1:{port}")
    }

    /// The port, the same over restarts.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("mosquitto.log")).unwrap_or_default()
    }

    /// Stops it in an orderly way, which keeps sessions and messages, and waits until it is gone.
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

    /// Forgets all sessions and messages; to be called while it is stopped.
    pub fn forget(&self) {
        let _ = std::fs::remove_file(self.folder.path().join("mosquitto.db"));
    }

    fn configure(&self) -> Result<()> {
        let dir = self.folder.path();
        let passwords = dir.join("passwords");
        let status = std::process::Command::new(find_program("mosquitto_passwd")?)
            .args(["-b", "-c"])
            .arg(&passwords)
            .args([USER, PLAIN_PASSWORD])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .map_err(|error| failed(&passwords, error))?;
        if !status.success() {
            return Err(Error::new(Kind::Io, "mosquitto_passwd failed"));
        }
        hand_over(&passwords, 0o600, self.user)?;
        // Saved when it ends, and nothing thrown away for want of room.
        let mut text = format!(
            "listener {} 127.0.0.1\nallow_anonymous false\npassword_file {}\npersistence true\n\
             persistence_location {}/\nmax_queued_messages 0\nlog_dest stderr\nlog_type all\n",
            self.port,
            passwords.display(),
            dir.display(),
        );
        let _ = write!(text, "{}", self.settings);
        let file = dir.join("mosquitto.conf");
        std::fs::write(&file, text).map_err(|error| failed(&file, error))?;
        hand_over(&file, 0o600, self.user)
    }

    async fn launch(&mut self) -> Result<()> {
        let log = self.folder.path().join("mosquitto.log");
        let open = std::fs::OpenOptions::new().create(true).append(true).open(&log);
        open.map_err(|error| failed(&log, error))?;
        hand_over(&log, 0o600, self.user)?;
        let config = self.folder.path().join("mosquitto.conf").to_string_lossy().into_owned();
        let process = Supervised::start(&ServerCommand {
            program: self.program.clone(),
            args: vec!["-c".to_owned(), config],
            environment: Vec::new(),
            stop: Signal::SIGTERM,
            log: log.clone(),
            user: self.user,
        })?;
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            if process.is_gone() || start.elapsed() > PATIENCE {
                return Err(Error::new(Kind::Io, "mosquitto did not start").detail(self.log()));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.process = Some(process);
        Ok(())
    }

    /// Publishes messages with quality of service 1, and returns when the broker has them all.
    ///
    /// # Panics
    /// When the broker does not take them.
    pub async fn publish(&self, messages: &[(String, String)], retain: bool) {
        let (client, mut events) =
            AsyncClient::new(self.options("publisher"), messages.len().max(1));
        for (topic, payload) in messages {
            let publish =
                client.try_publish(topic, QoS::AtLeastOnce, retain, payload.clone().into_bytes());
            publish.expect("there is room for all");
        }
        let mut left = messages.len();
        let publishing = async {
            while left > 0 {
                let event = events.poll().await.expect("the broker takes messages");
                left -= usize::from(matches!(event, Event::Incoming(Packet::PubAck(_))));
            }
        };
        let published = tokio::time::timeout(PATIENCE, publishing).await;
        published.expect("the broker acknowledges messages");
    }

    /// Connects with the client id of somebody else, whose connection the broker then ends.
    ///
    /// # Panics
    /// When the broker does not let it in.
    pub async fn take_session(&self, client_id: &str) {
        let mut options = self.options(client_id);
        options.set_clean_start(false);
        let (_client, mut events) = AsyncClient::new(options, 1);
        let connected = tokio::time::timeout(PATIENCE, events.poll()).await;
        let connected = connected.expect("the broker answers").expect("the broker lets it in");
        assert!(matches!(connected, Event::Incoming(Packet::ConnAck(_))), "{connected:?}");
    }

    fn options(&self, client_id: &str) -> MqttOptions {
        let mut options = MqttOptions::new(client_id, "127.0.0.1", self.port);
        options.set_credentials(USER, PLAIN_PASSWORD).set_max_packet_size(Some(64 << 20));
        options
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        if let Some(process) = &self.process {
            end_now(process, Signal::SIGKILL);
        }
    }
}

/// Debian keeps servers where the PATH of ordinary users does not look.
fn find_program(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
        .ok_or_else(|| {
            Error::new(Kind::Io, format!("{name} is not installed"))
                .code(Code::ProgramMissing)
                .detail("It is in no folder of PATH.")
                .hint("Install it with `sudo apt-get install mosquitto`, or dnf or brew.")
        })
}

fn failed(path: &Path, error: std::io::Error) -> Error {
    Error::new(Kind::Io, format!("cannot write \"{}\"", path.display())).source(error)
}
