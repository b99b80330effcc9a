//! A small disk that can be filled up: a file system in memory, which only root may mount.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::folder::TestFolder;

/// The mount point within its test folder.
pub(crate) const NAME: &str = "disk";

/// A mounted disk; unmounted when dropped, or by the next test run when this one was killed.
#[derive(Debug)]
pub struct SmallDisk {
    folder: TestFolder,
}

impl SmallDisk {
    /// Mounts an empty disk of this size, such as `64m`; `None` where that is not allowed.
    ///
    /// # Panics
    /// When its folder cannot be made.
    #[must_use]
    pub fn mount(size: &str) -> Option<Self> {
        let folder = TestFolder::new();
        let disk = folder.path().join(NAME);
        fs::create_dir(&disk).expect("a new folder");
        let options = format!("size={size},mode=0755");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&disk);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then_some(Self { folder })
    }

    /// Its top folder.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join(NAME)
    }

    /// A new folder of it that belongs to whom `like` belongs to.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn folder_like(&self, name: &str, like: &Path) -> PathBuf {
        use std::os::unix::fs::MetadataExt as _;
        let folder = self.path().join(name);
        fs::create_dir(&folder).expect("a new folder");
        let owner = fs::metadata(like).expect("an owner");
        std::os::unix::fs::chown(&folder, Some(owner.uid()), Some(owner.gid())).expect("its owner");
        folder
    }

    /// Writes until nothing more can be written.
    ///
    /// # Panics
    /// When that cannot be begun.
    pub fn fill(&self) {
        let mut file =
            File::options().create(true).append(true).open(self.filler()).expect("a file");
        for piece in [1 << 20, 4 << 10] {
            let zeros = vec![0; piece];
            while file.write_all(&zeros).is_ok() {}
        }
    }

    /// Takes away what [`fill`](Self::fill) wrote.
    pub fn free(&self) {
        let _ = fs::remove_file(self.filler());
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        unmount(&self.path());
    }
}

/// Unmounts a disk, also while somebody has a file of it open; nothing happens where none is.
pub(crate) fn unmount(disk: &Path) {
    if disk.is_dir() {
        let _ = Command::new("umount").arg("--lazy").arg(disk).output();
    }
}
