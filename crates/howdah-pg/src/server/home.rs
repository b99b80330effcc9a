//! The folder of a private server: where everything lies, passwords, the cluster's creation.
//!
//! ```text
//! lock                  held (flock) by the process that runs the server
//! home                  present when everything else lies elsewhere, and where
//! data/                 PostgreSQL's data directory
//! data.new/             a creation that was not finished
//! run/                  the unix socket
//! postgres.log          the server's log; the previous one is postgres.log.1
//! superuser.password    0600, login "postgres"
//! howdah.password       0600, login "howdah"
//! port                  the loopback port, kept from start to start while it is free
//! ```

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use howdah_error::{Code, Error, Kind, Result};
use rand::RngExt as _;
use sha2::{Digest as _, Sha256};

use super::install::Install;
use super::supervise::clean_command;
use super::user::{OsUser, hand_over, io_error};

/// Where a server's files go when its user cannot enter the folder that was asked for.
const ELSEWHERE: &str = "/var/lib/howdah";
/// The longest path of a unix socket, in bytes (`sun_path` less its end).
const MAX_SOCKET_PATH: usize = 103;
/// A log larger than this is set aside at the next start.
const MAX_LOG_BYTES: u64 = 16 << 20;

/// The files of one private server.
#[derive(Debug, Clone)]
pub(super) struct Home {
    /// Where the files lie.
    pub(super) path: PathBuf,
    /// Who runs the server, when not we.
    pub(super) user: Option<OsUser>,
}

impl Home {
    /// The home of the server of `dir`; the caller holds the lock of `dir`.
    pub(super) fn open(dir: &Path, user: Option<OsUser>) -> Result<Self> {
        let Some(server_user) = user else { return Ok(Self { path: dir.to_owned(), user }) };
        let path = Self::elsewhere(dir).unwrap_or_else(|| dir.to_owned());
        if let Ok(data) = fs::metadata(path.join("data")) {
            // PostgreSQL runs only as the owner of its data, who may be one of before.
            return Ok(Self { path, user: Some(OsUser { uid: data.uid(), gid: data.gid() }) });
        }
        if server_user.can_enter(&path) {
            return Ok(Self { path, user });
        }
        // A new name each time: a folder that was deleted and made again is a new server.
        let salt = random_hex();
        let name = &hex(&Sha256::digest(format!("{}\n{salt}", dir.display())))[..16];
        let path = Path::new(ELSEWHERE).join(name);
        make_dir(Path::new(ELSEWHERE), 0o755, None)?;
        make_dir(&path, 0o755, None)?;
        if !server_user.can_enter(&path) {
            return Err(Error::new(Kind::Io, "there is no folder for the private server")
                .code(Code::PrivateServerFailed)
                .detail(format!(
                    "The user that runs PostgreSQL can enter neither {} nor {}.",
                    dir.display(),
                    path.display()
                ))
                .hint("Choose a folder that other users can enter, or do not run as root."));
        }
        write_private(&dir.join("home"), &path.to_string_lossy())?;
        Ok(Self { path, user })
    }

    /// Where `dir` says its server lies, when not in `dir` itself.
    pub(super) fn elsewhere(dir: &Path) -> Option<PathBuf> {
        let text = fs::read_to_string(dir.join("home")).ok()?;
        Some(PathBuf::from(text.trim()))
    }

    pub(super) fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.path.join("postgres.log")
    }

    pub(super) fn saved_port(&self) -> Option<u16> {
        fs::read_to_string(self.path.join("port")).ok()?.trim().parse().ok()
    }

    pub(super) fn save_port(&self, port: u16) -> Result<()> {
        write_private(&self.path.join("port"), &port.to_string())
    }

    /// The password of `login`, if it was made.
    pub(super) fn password(&self, login: &str) -> Option<String> {
        let text = fs::read_to_string(self.path.join(format!("{login}.password"))).ok()?;
        Some(text.trim().to_owned())
    }

    /// The password of `login`, made on first use.
    pub(super) fn make_password(&self, login: &str) -> Result<String> {
        if let Some(password) = self.password(login) {
            return Ok(password);
        }
        let password = random_hex();
        write_private(&self.path.join(format!("{login}.password")), &password)?;
        Ok(password)
    }

    /// The folder of the unix socket: `run/`, or one under the temporary folder when the path of
    /// `run/` is too long for a socket.
    pub(super) fn socket_dir(&self) -> PathBuf {
        let near = self.path.join("run");
        if near.as_os_str().len() + "/.s.PGSQL.65535".len() <= MAX_SOCKET_PATH {
            return near;
        }
        let name = &hex(&Sha256::digest(self.path.to_string_lossy().as_bytes()))[..16];
        Path::new("/tmp").join(format!("howdah-{name}"))
    }

    /// Makes the socket folder, private to the server's user; somebody else's is refused.
    pub(super) fn make_socket_dir(&self) -> Result<PathBuf> {
        let dir = self.socket_dir();
        let us = nix::unistd::geteuid().as_raw();
        let server = self.user.map_or(us, |user| user.uid);
        if let Ok(there) = fs::symlink_metadata(&dir)
            && (!there.is_dir() || ![us, server].contains(&there.uid()))
        {
            return Err(Error::new(Kind::Io, "the folder for the socket belongs to somebody else")
                .code(Code::PrivateServerFailed)
                .detail(format!("It is {}.", dir.display()))
                .hint("Remove it, or use a folder with a shorter path."));
        }
        make_dir(&dir, 0o700, self.user)?;
        Self::clear_socket_dir(&dir)?;
        Ok(dir)
    }

    /// Removes the sockets of servers that were killed: a lock file that names a process number
    /// which belongs to another process by now would keep PostgreSQL from starting.
    fn clear_socket_dir(dir: &Path) -> Result<()> {
        let entries = fs::read_dir(dir).map_err(|error| io_error("read", dir, error))?;
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(".s.PGSQL.") {
                let path = entry.path();
                fs::remove_file(&path).map_err(|error| io_error("remove", &path, error))?;
            }
        }
        Ok(())
    }

    /// Makes the log ready for the server's user; gives its length.
    pub(super) fn open_log(&self) -> Result<u64> {
        let path = self.log();
        if fs::metadata(&path).is_ok_and(|log| log.len() > MAX_LOG_BYTES) {
            let _ = fs::rename(&path, self.path.join("postgres.log.1"));
        }
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| io_error("write", &path, error))?;
        hand_over(&path, 0o600, self.user)?;
        Ok(self.log_length())
    }

    /// How long the log is, in bytes.
    pub(super) fn log_length(&self) -> u64 {
        fs::metadata(self.log()).map_or(0, |log| log.len())
    }

    /// What the server logged since `from`, at most the last 4 kB.
    pub(super) fn log_since(&self, from: u64) -> String {
        let read = || -> std::io::Result<String> {
            let mut file = File::open(self.log())?;
            let start = from.max(file.metadata()?.len().saturating_sub(4096));
            file.seek(SeekFrom::Start(start))?;
            let mut bytes = Vec::new();
            file.take(4096).read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
        };
        read().unwrap_or_default()
    }

    /// The installation for the data that is there, or the newest when there is none.
    pub(super) fn choose_install(&self, installs: Vec<Install>) -> Result<Install> {
        let version = fs::read_to_string(self.data().join("PG_VERSION")).ok();
        let wanted = version.and_then(|text| text.trim().parse::<u32>().ok());
        let newest = installs.first().map_or(0, |install| install.major);
        installs.into_iter().find(|install| wanted.is_none_or(|w| w == install.major)).ok_or_else(
            || {
                let wanted = wanted.unwrap_or(0);
                failed("the private server's data is of another version")
                    .detail(format!(
                        "The data in {} is of PostgreSQL {wanted}; installed is {newest}.",
                        self.path.display()
                    ))
                    .hint(format!(
                        "Install PostgreSQL {wanted}, or move the folder away to start anew."
                    ))
            },
        )
    }

    /// Creates the cluster unless it is there. A creation that was cut off leaves `data.new`,
    /// which is thrown away: only the rename makes it count.
    pub(super) fn create_cluster(&self, install: &Install, sync: bool) -> Result<()> {
        if self.data().join("PG_VERSION").exists() {
            return Ok(());
        }
        let new = self.path.join("data.new");
        let password_file = self.path.join("data.password");
        let password = self.make_password("superuser")?;
        // Not every system has C.UTF-8.
        let mut result = Err(failed("initdb was not run"));
        for locale in ["C.UTF-8", "C"] {
            remove_dir(&new)?;
            make_dir(&new, 0o700, self.user)?;
            write_private(&password_file, &password)?;
            hand_over(&password_file, 0o600, self.user)?;
            result = self.run_initdb(install, &new, &password_file, locale, sync);
            fs::remove_file(&password_file)
                .map_err(|error| io_error("remove", &password_file, error))?;
            let no_locale = result.as_ref().is_err_and(|error| {
                error.get_detail().is_some_and(|detail| detail.contains("invalid locale"))
            });
            if !no_locale {
                break;
            }
        }
        result?;
        let conf = new.join("postgresql.conf");
        OpenOptions::new()
            .append(true)
            .open(&conf)
            .and_then(|mut file| file.write_all(b"\ninclude_if_exists = 'howdah.conf'\n"))
            .map_err(|error| io_error("write", &conf, error))?;
        fs::rename(&new, self.data()).map_err(|error| io_error("rename", &new, error))
    }

    fn run_initdb(
        &self,
        install: &Install,
        data: &Path,
        password_file: &Path,
        locale: &str,
        sync: bool,
    ) -> Result<()> {
        let program = install.program("initdb");
        let mut command = clean_command(&program, self.user);
        command.arg("--pgdata").arg(data).arg("--pwfile").arg(password_file).args([
            "--username=postgres",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--data-checksums",
            "--no-instructions",
        ]);
        command.arg(format!("--locale={locale}")).stdin(Stdio::null());
        if !sync {
            command.arg("--no-sync");
        }
        let output = command.output().map_err(|error| io_error("run", &program, error))?;
        if output.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(failed("the private server could not be initialised").detail(text))
    }

    /// Writes `howdah.conf`, which `postgresql.conf` includes; `alter system` still wins.
    pub(super) fn write_settings(&self, settings: &[(String, String)]) -> Result<()> {
        let mut text = String::from("# Written by howdah at each start; use alter system.\n");
        for (name, value) in settings {
            let _ =
                writeln!(text, "{name} = '{}'", value.replace('\\', "\\\\").replace('\'', "''"));
        }
        let path = self.data().join("howdah.conf");
        write_private(&path, &text)?;
        hand_over(&path, 0o600, self.user)
    }
}

/// An error with code HD0106.
pub(super) fn failed(message: impl Into<String>) -> Error {
    Error::new(Kind::Io, message).code(Code::PrivateServerFailed)
}

/// Makes `dir` (its parent is there) with `mode` for `user`; one that is there is kept.
pub(super) fn make_dir(dir: &Path, mode: u32, user: Option<OsUser>) -> Result<()> {
    match fs::create_dir(dir) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(io_error("create", dir, error))
        }
        Err(_) if user.is_none() => Ok(()),
        _ => hand_over(dir, mode, user),
    }
}

fn remove_dir(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(io_error("remove", dir, error)),
        _ => Ok(()),
    }
}

/// Writes a file that only its owner can read, whole or not at all.
fn write_private(path: &Path, text: &str) -> Result<()> {
    let new = path.with_extension("tmp");
    let write = || -> std::io::Result<()> {
        match fs::remove_file(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().map_err(|error| io_error("write", path, error))
}

/// 128 random bits of the operating system's generator, as 32 digits.
fn random_hex() -> String {
    hex(&rand::rng().random::<[u8; 16]>())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
