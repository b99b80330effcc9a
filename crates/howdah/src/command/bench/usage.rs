//! What a measured stretch of work cost: processor time, memory, WAL.

use std::fs;
use std::time::Duration;

use howdah_error::Result;
use howdah_pg::{Connection, from_pg};
use nix::unistd::{SysconfVar, sysconf};
use tokio_util::sync::CancellationToken;

/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Counters at one moment; the difference of two is what happened between them.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    own_seconds: f64,
    server_seconds: f64,
    wal_bytes: f64,
}

/// What happened between two moments.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Seconds of processor time of this process, all threads.
    pub own_seconds: f64,
    /// The same of the database server, all its processes.
    pub server_seconds: f64,
    /// Bytes of write-ahead log.
    pub wal_bytes: f64,
}

impl Usage {
    /// The counters now. `admin` is a superuser of the server on this machine.
    pub async fn now(admin: &Connection) -> Result<Self> {
        let row = admin
            .query_one(
                "select pg_backend_pid(), \
                 pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::double precision",
                &[],
            )
            .await
            .map_err(|error| from_pg("could not read the server's counters", &error))?;
        Ok(Self {
            own_seconds: Times::of("self").map_or(0.0, |times| times.own),
            server_seconds: server_seconds(row.get(0)),
            wal_bytes: row.get(1),
        })
    }

    /// What happened since.
    pub async fn until_now(self, admin: &Connection) -> Result<Cost> {
        let now = Self::now(admin).await?;
        Ok(Cost {
            own_seconds: now.own_seconds - self.own_seconds,
            server_seconds: now.server_seconds - self.server_seconds,
            wal_bytes: now.wal_bytes - self.wal_bytes,
        })
    }
}

/// Milliseconds that the process has used a processor, to the nanosecond; `None` where the kernel
/// does not say.
pub fn core_ms(pid: i32) -> Option<f64> {
    nanoseconds(&format!("/proc/{pid}/schedstat")).map(|used| used / 1e6)
}

/// Seconds that this thread has used a processor; `None` where the kernel does not say.
pub fn thread_seconds() -> Option<f64> {
    nanoseconds("/proc/thread-self/schedstat").map(|used| used / 1e9)
}

fn nanoseconds(schedstat: &str) -> Option<f64> {
    let stat = fs::read_to_string(schedstat).ok()?;
    stat.split(' ').next()?.parse().ok()
}

/// The largest resident memory of this process seen until `end`, in bytes.
pub async fn watch_memory(end: CancellationToken) -> u64 {
    let mut most = 0;
    while !end.is_cancelled() {
        most = most.max(resident_bytes());
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = end.cancelled() => {}
        }
    }
    most.max(resident_bytes())
}

/// `VmRSS` of this process; 0 where there is no `/proc`.
fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Processor times of a process out of `/proc/PID/stat`, in seconds.
struct Times {
    parent: String,
    own: f64,
    /// Of children that have ended and were waited for.
    ended: f64,
}

impl Times {
    fn of(pid: &str) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name may hold anything, a parenthesis too; the numbers begin behind the last one.
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        let tick = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100) as f64;
        let time = |at: usize| -> Option<f64> { Some(fields.get(at)?.parse::<f64>().ok()? / tick) };
        // proc(5): state is field 3, ppid 4, utime 14, stime 15, cutime 16, cstime 17.
        Some(Self {
            parent: (*fields.get(1)?).to_owned(),
            own: time(11)? + time(12)?,
            ended: time(13)? + time(14)?,
        })
    }
}

/// Seconds that the postmaster of `backend`, its children and its former children have used.
fn server_seconds(backend: i32) -> f64 {
    let Some(postmaster) = Times::of(&backend.to_string()).map(|times| times.parent) else {
        return 0.0;
    };
    let Some(times) = Times::of(&postmaster) else { return 0.0 };
    let Ok(processes) = fs::read_dir("/proc") else { return 0.0 };
    let children = processes
        .flatten()
        .filter_map(|entry| Times::of(entry.file_name().to_str()?))
        .filter(|child| child.parent == postmaster)
        .map(|child| child.own);
    times.own + times.ended + children.sum::<f64>()
}
