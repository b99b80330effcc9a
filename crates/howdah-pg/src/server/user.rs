//! Who runs the server, and which folders he can enter: PostgreSQL refuses to run as root.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::Stdio;

use howdah_error::{Code, Error, Kind, Result};
use nix::unistd::{User, geteuid};

use super::supervise::clean_command;

/// A user of the operating system by numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OsUser {
    /// User number.
    pub uid: u32,
    /// Number of the user's group.
    pub gid: u32,
}

impl OsUser {
    /// The user for servers when we are root: `postgres`, else `nobody`; none when we are not.
    pub fn for_servers() -> Result<Option<Self>> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| User::from_name(name).ok().flatten())
            .map(|user| Some(Self { uid: user.uid.as_raw(), gid: user.gid.as_raw() }))
            .ok_or_else(|| {
                Error::new(Kind::Io, "there is no user to run PostgreSQL as")
                    .code(Code::PrivateServerFailed)
                    .detail("PostgreSQL refuses to run as root.")
                    .hint("Run howdah as another user, or create the system user \"postgres\".")
            })
    }

    /// Whether this user can enter `dir`.
    pub(super) fn can_enter(self, dir: &Path) -> bool {
        clean_command(Path::new("test"), Some(self))
            .arg("-x")
            .arg(dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }
}

/// Sets the permissions of `path` and gives it to `user`, when there is one.
pub fn hand_over(path: &Path, mode: u32, user: Option<OsUser>) -> Result<()> {
    let failed = |error| io_error("hand over", path, error);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(failed)?;
    match user {
        Some(user) => chown(path, Some(user.uid), Some(user.gid)).map_err(failed),
        None => Ok(()),
    }
}

/// An error of the file system about a file of the private server.
pub(super) fn io_error(verb: &str, path: &Path, error: std::io::Error) -> Error {
    Error::new(Kind::Io, format!("cannot {verb} \"{}\"", path.display()))
        .code(Code::PrivateServerFailed)
        .source(error)
}
