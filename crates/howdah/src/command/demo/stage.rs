//! What a demo plays on: its folder with the system file, a private PostgreSQL, a private Redis.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use howdah_error::{Error, Kind, Result};
use nix::fcntl::{Flock, FlockArg};

use super::systems::Embedded;
use crate::cli::{Global, OutputFormat};
use crate::private_redis::PrivateRedis;
use crate::session::Session;

/// Where the URL of Redis is kept, beside the system file.
const REDIS_URL: &str = ".howdah/redis.url";

/// Running servers and an open session.
pub struct Stage {
    /// The folder of the system file, as given.
    pub folder: PathBuf,
    /// The system file and the private PostgreSQL.
    pub session: Session,
    /// The private Redis.
    pub redis: PrivateRedis,
    /// Holds off a second demo in the same folder.
    _lock: Flock<File>,
}

impl Stage {
    /// Writes the system into `dir/NAME` and starts its servers; empties both unless `keep`.
    pub async fn open(dir: &Path, system: &Embedded, keep: bool) -> Result<Self> {
        let folder = dir.join(system.name);
        let private = folder.join(".howdah");
        fs::create_dir_all(&private).map_err(|error| failed(&private, error))?;
        let lock = lock(&private.join("demo.lock"))?;
        let redis_folder = private.join("redis");
        if !keep && redis_folder.is_dir() {
            fs::remove_dir_all(&redis_folder).map_err(|error| failed(&redis_folder, error))?;
        }
        let redis = PrivateRedis::start(&redis_folder).await?;
        write_private(&folder.join(REDIS_URL), &redis.url)?;
        write_system(&folder, system)?;
        let global = Global { file: folder.clone(), format: OutputFormat::Text };
        let session = match open(&global, keep).await {
            Ok(session) => session,
            Err(error) => {
                redis.stop().await;
                return Err(error);
            }
        };
        Ok(Self { folder, session, redis, _lock: lock })
    }

    /// Stops the servers and waits for their end.
    pub async fn close(self) -> Result<()> {
        self.redis.stop().await;
        self.session.close().await
    }
}

async fn open(global: &Global, keep: bool) -> Result<Session> {
    let session = Session::open(global).await?;
    if keep {
        return Ok(session);
    }
    match session.empty_private().await {
        Ok(()) => Ok(session),
        Err(error) => {
            session.close().await?;
            Err(error)
        }
    }
}

/// The system file refers to a file instead of a variable, so that every later command on the
/// folder works as it is.
fn write_system(folder: &Path, system: &Embedded) -> Result<()> {
    let text = system
        .system_file
        .replace(&format!("\"env:{}\"", system.redis_variable), &format!("\"file:{REDIS_URL}\""));
    let migrations = folder.join("migrations");
    fs::create_dir_all(&migrations).map_err(|error| failed(&migrations, error))?;
    let file = folder.join("howdah.toml");
    fs::write(&file, text).map_err(|error| failed(&file, error))?;
    for (name, text) in system.migrations {
        let file = migrations.join(name);
        fs::write(&file, text).map_err(|error| failed(&file, error))?;
    }
    Ok(())
}

fn lock(path: &Path) -> Result<Flock<File>> {
    let file = File::create(path).map_err(|error| failed(path, error))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| {
        Error::new(Kind::Conflict, "another demo runs in this folder")
            .hint("End it, or give this one another folder with --dir.")
    })
}

fn write_private(path: &Path, text: &str) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let file =
        fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path);
    file.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
        .map_err(|error| failed(path, error))
}

fn failed(path: &Path, error: std::io::Error) -> Error {
    Error::new(Kind::Io, format!("could not write \"{}\"", path.display())).source(error)
}
