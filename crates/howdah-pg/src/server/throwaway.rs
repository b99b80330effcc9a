//! Where servers lie that nobody needs after the process that made them.

use std::env;
use std::fs;
use std::path::PathBuf;

use nix::sys::statvfs::statvfs;

/// A file system in memory, where there is one.
pub const IN_MEMORY: &str = "/dev/shm";
/// What it and the machine must have free for it to be used, in bytes.
const MEMORY_NEEDED: u64 = 6 << 30;

/// The folder under which a throw-away server is best made: the one that `TMPDIR` names; without
/// it, one in memory where that is plenty, or the temporary folder of the system.
///
/// Reviews and tests make and drop hundreds of databases of 300 files each. On ext4 a quarter of
/// their time was the search for free inodes among those that were just deleted: the examples of
/// the review's rules took 210 s on disk and 98 s in memory.
#[must_use]
pub fn throwaway_base() -> PathBuf {
    if env::var_os("TMPDIR").is_none() && memory_is_plenty() {
        return PathBuf::from(IN_MEMORY);
    }
    env::temp_dir()
}

fn memory_is_plenty() -> bool {
    let of_files = statvfs(IN_MEMORY).map_or(0, |of| of.blocks_available() * of.fragment_size());
    // What could be used without swapping.
    let of_machine = memory_bytes("MemAvailable").unwrap_or(0);
    of_files >= MEMORY_NEEDED && of_machine >= MEMORY_NEEDED
}

/// What Linux tells of this machine's memory under that name (`MemTotal`), in bytes.
#[must_use]
pub fn memory_bytes(name: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10)
}
