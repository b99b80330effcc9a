//! A clock that jumps: libfaketime between programs and the clock of the machine, which stays as
//! it is.
//!
//! What is moved is the time of day. The monotonic clock, by which waits are measured, goes on as
//! it does when an administrator or NTP sets the time.

use std::fs;
use std::path::{Path, PathBuf};

use crate::folder::TestFolder;

/// Where distributions put the library: Debian and Ubuntu by architecture, Fedora, Arch.
const FOLDERS: [&str; 5] = [
    "/usr/lib/x86_64-linux-gnu/faketime",
    "/usr/lib/aarch64-linux-gnu/faketime",
    "/usr/lib64/faketime",
    "/usr/lib/faketime",
    "/usr/local/lib/faketime",
];
/// For programs with threads, which take a lock to read the clock. One whose signal handlers read
/// it too would wait for itself.
const THREADED: &str = "libfaketimeMT.so.1";
/// For programs without threads.
const PLAIN: &str = "libfaketime.so.1";

/// The time of day of the programs that are started with its environment.
#[derive(Debug)]
pub struct Clock {
    libraries: PathBuf,
    folder: TestFolder,
}

impl Clock {
    /// A clock that goes right; `None` where libfaketime is not installed.
    ///
    /// # Panics
    /// When its file cannot be written.
    #[must_use]
    pub fn new() -> Option<Self> {
        let complete = |folder: &&Path| [THREADED, PLAIN].iter().all(|n| folder.join(n).is_file());
        let libraries = FOLDERS.map(Path::new).into_iter().find(complete)?.to_owned();
        sweep();
        let clock = Self { libraries, folder: TestFolder::new() };
        clock.set(0);
        Some(clock)
    }

    /// The variables that put a program with threads under this clock.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        self.variables(THREADED)
    }

    /// The variables that put PostgreSQL under this clock: it has no threads, and its handler of
    /// SIGALRM reads the clock.
    #[must_use]
    pub fn server_environment(&self) -> Vec<(String, String)> {
        self.variables(PLAIN)
    }

    fn variables(&self, library: &str) -> Vec<(String, String)> {
        [
            ("LD_PRELOAD", self.libraries.join(library).to_string_lossy().into_owned()),
            ("FAKETIME_TIMESTAMP_FILE", self.file().to_string_lossy().into_owned()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("NO_FAKE_STAT", "1".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Jumps to so many seconds from the machine's time.
    ///
    /// # Panics
    /// When its file cannot be written.
    pub fn set(&self, seconds: i64) {
        // A reader sees the old file or the new one, never half of one.
        let new = self.folder.path().join("new");
        fs::write(&new, format!("{seconds:+}\n")).expect("the file of a clock");
        fs::rename(&new, self.file()).expect("the file of a clock");
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("clock")
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        sweep();
    }
}

/// Removes what the library keeps in shared memory for each process, where the process was killed
/// and could not do it itself.
fn sweep() {
    for entry in fs::read_dir("/dev/shm").into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let Some((_, rest)) = name.split_once("faketime_") else { continue };
        let pid: String = rest.chars().filter(char::is_ascii_digit).collect();
        if !pid.is_empty() && !Path::new("/proc").join(&pid).exists() {
            let _ = fs::remove_file(entry.path());
        }
    }
}
