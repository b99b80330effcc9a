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
    of_files >= MEMORY_NEEDED && free_memory() >= MEMORY_NEEDED
}

/// What the kernel says could be used without swapping, in bytes.
fn free_memory() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kb = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kb.unwrap_or(0) << 10
}
