//! Ends a server whose data nobody needs any more.

use std::time::Duration;

use howdah_pg::server::Supervised;
use nix::sys::signal::Signal;

/// Sends `signal` and waits a little, so that the server's folder can be removed; for a drop,
/// where nothing can be awaited.
pub(crate) fn end_now(process: &Supervised, signal: Signal) {
    let _ = process.signal(signal);
    // One that is stopped sees the signal only after it goes on.
    let _ = process.signal(Signal::SIGCONT);
    for _ in 0..500 {
        if process.is_gone() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
