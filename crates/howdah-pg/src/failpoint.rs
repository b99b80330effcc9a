//! Named failpoints at the steps of the path, for the campaign of faults; nothing in release.
//!
//! `HOWDAH_FAILPOINTS="writer.before_copy=kill@3;decode=sleep:20"`: at the third time that
//! `writer.before_copy` is come by the process kills itself; each time at `decode` waits 20 ms.
//! `error%3` strikes at each third time. Actions: `kill` (SIGKILL to itself), `stop` (SIGSTOP to
//! itself), `error` (as if the connection broke), `sleep:MS`.
//!
//! Names: `reader.next`, `decode`, `writer.begin`, `writer.before_copy`, `writer.after_copy`,
//! `writer.before_fold`, `writer.after_fold`, `writer.before_letters`, `writer.before_position`,
//! `writer.before_commit`, `writer.after_commit_sent`, `writer.after_commit`, `acknowledge`,
//! `lease.renew`; of requests `http.received`, `http.grouped`, `requests.claimed`, `http.stored`,
//! `http.answer`; of history `history.fence`, `history.made`, `history.written`, `history.locked`,
//! `history.deleted`, `history.folded`, `history.vacuumed`, `history.restored`; of retention
//! `keep.begun`, `keep.exported`, `keep.bitten`, `keep.detached`, `keep.dropped`, `keep.written`,
//! `keep.brought`; of upkeep `upkeep.taken`, `upkeep.begun`, `upkeep.chunk`, `upkeep.folded`,
//! `upkeep.proved`, `upkeep.noted`, `upkeep.renew`, `upkeep.restored`.

/// Comes by a failpoint.
#[cfg(not(debug_assertions))]
#[expect(clippy::unused_async, reason = "the one of debug builds waits")]
pub async fn hit(_name: &str) -> howdah_error::Result<()> {
    Ok(())
}

#[cfg(debug_assertions)]
pub use armed::hit;

#[cfg(debug_assertions)]
mod armed {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use howdah_error::{Error, Kind, Result};
    use nix::sys::signal::{Signal, raise};

    /// What a failpoint does.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Action {
        Kill,
        Stop,
        Error,
        Sleep(Duration),
    }

    /// At which of the times that it is come by; they count from 1.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum When {
        At(u64),
        Every(u64),
    }

    #[derive(Debug)]
    struct Failpoint {
        name: String,
        action: Action,
        when: When,
        /// How often it was come by.
        times: AtomicU64,
    }

    static ARMED: LazyLock<Vec<Failpoint>> = LazyLock::new(|| {
        std::env::var("HOWDAH_FAILPOINTS").map_or_else(|_| Vec::new(), |text| parse(&text))
    });

    /// What cannot be read arms nothing, and is told.
    fn parse(text: &str) -> Vec<Failpoint> {
        let mut out = Vec::new();
        for item in text.split(';').filter(|item| !item.trim().is_empty()) {
            if let Some(failpoint) = parse_one(item.trim()) {
                out.push(failpoint);
            } else {
                tracing::warn!(item, "not a failpoint");
            }
        }
        out
    }

    fn parse_one(item: &str) -> Option<Failpoint> {
        let (name, rest) = item.split_once('=')?;
        let (action, when) = if let Some((action, at)) = rest.split_once('@') {
            (action, When::At(at.parse().ok()?))
        } else if let Some((action, every)) = rest.split_once('%') {
            (action, When::Every(every.parse().ok()?))
        } else {
            (rest, When::Every(1))
        };
        let action = match action {
            "kill" => Action::Kill,
            "stop" => Action::Stop,
            "error" => Action::Error,
            sleep => {
                Action::Sleep(Duration::from_millis(sleep.strip_prefix("sleep:")?.parse().ok()?))
            }
        };
        Some(Failpoint { name: name.to_owned(), action, when, times: AtomicU64::new(0) })
    }

    /// Comes by a failpoint: does what it is armed for, if it is.
    pub async fn hit(name: &str) -> Result<()> {
        for failpoint in ARMED.iter().filter(|failpoint| failpoint.name == name) {
            let times = failpoint.times.fetch_add(1, Ordering::Relaxed) + 1;
            let strikes = match failpoint.when {
                When::At(at) => at == times,
                When::Every(every) => every > 0 && times.is_multiple_of(every),
            };
            if !strikes {
                continue;
            }
            match failpoint.action {
                Action::Kill => signal(Signal::SIGKILL),
                Action::Stop => signal(Signal::SIGSTOP),
                Action::Error => {
                    let message = format!("the failpoint \"{name}\" broke the connection");
                    return Err(Error::new(Kind::Unavailable, message));
                }
                Action::Sleep(time) => tokio::time::sleep(time).await,
            }
        }
        Ok(())
    }

    fn signal(signal: Signal) {
        if let Err(error) = raise(signal) {
            tracing::warn!(%error, "a failpoint could not raise its signal");
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn failpoints_are_read() {
            let read = parse("a=kill@3; b=sleep:20;c=stop;d=error%5;;e;f=x;g=kill@y");
            let read: Vec<_> = read.iter().map(|f| (f.name.as_str(), f.action, f.when)).collect();
            assert_eq!(
                read,
                [
                    ("a", Action::Kill, When::At(3)),
                    ("b", Action::Sleep(Duration::from_millis(20)), When::Every(1)),
                    ("c", Action::Stop, When::Every(1)),
                    ("d", Action::Error, When::Every(5)),
                ]
            );
        }
    }
}
