//! A server that a previous owner of the folder left running, or still shutting down.

use std::path::Path;
use std::time::{Duration, Instant};

use howdah_error::Result;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::home::{Home, failed};
use super::user::io_error;

/// How long an orderly shutdown may take before the server is told to go at once.
const ORDERLY: Duration = Duration::from_secs(30);

/// What `postmaster.pid` says (format: PostgreSQL source, `src/include/utils/pidfile.h`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PidFile {
    pub(super) pid: i32,
    pub(super) ready: bool,
}

impl PidFile {
    /// Reads the file of data directory `data`; none when absent or not yet written.
    pub(super) fn read(data: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(data.join("postmaster.pid")).ok()?;
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok().filter(|pid| *pid > 0)?;
        // Line 8 is the state, one of starting, stopping, ready, standby.
        let ready = lines.nth(6).is_some_and(|state| state.trim() == "ready");
        Some(Self { pid, ready })
    }
}

/// Ends a server that still runs on the data of `home`; the caller holds the folder's lock.
///
/// A number in `postmaster.pid` that now belongs to another process (after a reboot, or in a new
/// container) would keep PostgreSQL from starting, so that file is removed; PostgreSQL's check
/// for living children goes by shared memory and stays.
pub(super) async fn end(home: &Home, deadline: Instant) -> Result<()> {
    let data = home.data();
    let Some(PidFile { pid, .. }) = PidFile::read(&data) else { return Ok(()) };
    let pid = Pid::from_raw(pid);
    if !is_alive(pid) {
        return Ok(());
    }
    if !is_postmaster(pid, &data) {
        let file = data.join("postmaster.pid");
        return std::fs::remove_file(&file).map_err(|error| io_error("remove", &file, error));
    }
    tracing::debug!(pid = pid.as_raw(), "ending a server that was left running");
    // Twice the same signal does no harm if its supervisor is ending it already.
    let _ = kill(pid, Signal::SIGCONT);
    let _ = kill(pid, Signal::SIGINT);
    let start = Instant::now();
    let mut told_twice = false;
    while is_alive(pid) && is_postmaster(pid, &data) {
        if Instant::now() > deadline {
            return Err(failed("a private server that was left running does not end")
                .detail(format!("Its process is {pid}, its data {}.", data.display()))
                .hint(format!("End it by hand: kill -QUIT {pid}.")));
        }
        if start.elapsed() > ORDERLY && !told_twice {
            let _ = kill(pid, Signal::SIGQUIT);
            told_twice = true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

fn is_alive(pid: Pid) -> bool {
    !matches!(kill(pid, None), Err(Errno::ESRCH))
}

/// Whether `pid` is a server that was started on `data`, by its command line; a zombie has none.
/// Without `/proc`, whatever lives is taken for it.
fn is_postmaster(pid: Pid, data: &Path) -> bool {
    if !Path::new("/proc/self/cmdline").exists() {
        return true;
    }
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let data = data.as_os_str().as_encoded_bytes();
    line.split(|byte| *byte == 0).any(|argument| argument == data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_ready_server_counts_as_ready() {
        let dir = std::env::temp_dir().join(format!("howdah-pidfile-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        assert_eq!(PidFile::read(&dir), None);
        for (state, ready) in [("ready   ", true), ("starting", false), ("stopping", false)] {
            let text = format!("42\n/data\n1\n5432\n/run\n127.0.0.1\n  1 2\n{state}\n");
            std::fs::write(dir.join("postmaster.pid"), text).unwrap();
            assert_eq!(PidFile::read(&dir), Some(PidFile { pid: 42, ready }));
        }
        std::fs::write(dir.join("postmaster.pid"), "").unwrap();
        assert_eq!(PidFile::read(&dir), None);
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
