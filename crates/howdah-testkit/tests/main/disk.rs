//! The small disk: full when it is filled, and with room again.

use howdah_testkit::SmallDisk;

#[test]
fn a_disk_is_full_until_it_is_freed() {
    let Some(disk) = SmallDisk::mount("2m") else {
        println!("skipped: only root can mount a small disk");
        return;
    };
    let file = disk.path().join("file");
    disk.fill();
    let full = std::fs::write(&file, [1; 10_000]).unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    disk.free();
    std::fs::write(&file, [1; 10_000]).unwrap();
    let path = disk.path();
    drop(disk);
    assert!(!path.exists());
}
