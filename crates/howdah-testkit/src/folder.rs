//! Temporary folders for servers, swept up after tests that were killed.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::Duration;

use howdah_pg::server::{IN_MEMORY, throwaway_base};
use nix::fcntl::{Flock, FlockArg};

use crate::disk;

const PREFIX: &str = "howdah-test-";

/// A temporary folder that other users can enter; removed on drop, or by the next test run when
/// its process was killed (its lock is then free).
#[derive(Debug)]
pub struct TestFolder {
    path: PathBuf,
    _lock: Flock<File>,
}

impl TestFolder {
    /// A new, empty folder.
    ///
    /// # Panics
    /// When the temporary folder of the system is not usable.
    #[must_use]
    pub fn new() -> Self {
        static SWEEP: Once = Once::new();
        SWEEP.call_once(sweep);
        let path = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir_in(throwaway_base())
            .expect("a temporary folder")
            .keep();
        let file = File::create(path.join("test.lock")).expect("a lock file");
        let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock)
            .map_err(|(_, error)| error)
            .expect("the lock of a new folder");
        Self { path, _lock: lock }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Default for TestFolder {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for TestFolder {
    fn drop(&mut self) {
        // A server that is still ending writes files meanwhile; what stays is swept next time.
        for _ in 0..3 {
            if fs::remove_dir_all(&self.path).is_ok() {
                return;
            }
        }
    }
}

/// Removes what killed test runs left. Their servers end by themselves, so a folder whose lock is
/// free and that was made more than two minutes ago is nobody's.
fn sweep() {
    let places = [std::env::temp_dir(), PathBuf::from(IN_MEMORY)];
    let entries = places.iter().filter_map(|place| fs::read_dir(place).ok()).flatten().flatten();
    for entry in entries {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let lock = entry.path().join("test.lock");
        let old = fs::metadata(&lock)
            .and_then(|lock| lock.modified())
            .is_ok_and(|made| made.elapsed().is_ok_and(|age| age > Duration::from_secs(120)));
        let free = File::open(&lock)
            .is_ok_and(|file| Flock::lock(file, FlockArg::LockExclusiveNonblock).is_ok());
        if old && free {
            disk::unmount(&entry.path().join(disk::NAME));
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
