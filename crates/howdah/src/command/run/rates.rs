//! How fast each source is read: from the system file, and again whenever the file changes.

use std::path::Path;
use std::time::{Duration, SystemTime};

use howdah_stream::Pace;
use howdah_stream::source::shards_of;
use howdah_system::Source;

use crate::session::read_system_file;

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The pace of each source, which all of its shards have.
#[derive(Debug, Default)]
pub struct Rates(Vec<Rate>);

#[derive(Debug)]
struct Rate {
    source: String,
    shards: usize,
    now: Option<u32>,
    pace: Pace,
}

impl Rate {
    fn set(&mut self, rate: Option<u32>) {
        self.now = rate;
        self.pace.set(rate.map(|rate| f64::from(rate) / self.shards as f64));
    }
}

impl Rates {
    /// Those of the model.
    pub fn of(sources: &[&Source]) -> Self {
        let rate = |source: &&Source| {
            let (shards, pace) = (shards_of(source).len().max(1), Pace::default());
            let mut rate = Rate { source: source.name.clone(), shards, now: None, pace };
            rate.set(source.rate);
            rate
        };
        Self(sources.iter().map(rate).collect())
    }

    /// What each shard of a source keeps to.
    pub fn pace(&self, source: &str) -> Pace {
        let known = self.0.iter().find(|rate| rate.source == source);
        known.map(|rate| rate.pace.clone()).unwrap_or_default()
    }

    /// Takes the rates of the system file whenever it has changed; never ends. A file with mistakes
    /// changes nothing.
    pub async fn follow(mut self, path: &Path) {
        let mut seen = changed(path).await;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = changed(path).await;
            if now.is_some() && now != seen {
                seen = now;
                self.read(path).await;
            }
        }
    }

    async fn read(&mut self, path: &Path) {
        let owned = path.to_owned();
        let read = tokio::task::spawn_blocking(move || read_system_file(&owned)).await;
        let file = match read {
            Ok(Ok(file)) => file,
            Ok(Err(error)) => {
                tracing::warn!("the changed system file is not taken: {}", error.report());
                return;
            }
            Err(_) => return,
        };
        let mut taken = false;
        for (source, rate) in file.rates() {
            let known = self.0.iter_mut().find(|known| known.source == source);
            if let Some(known) = known.filter(|known| known.now != rate) {
                taken = true;
                known.set(rate);
                if let Some(rate) = rate {
                    tracing::info!(source, rate, "the source has another rate");
                } else {
                    tracing::info!(source, "the source has no rate any more");
                }
            }
        }
        if !taken {
            tracing::info!("the system file has changed; all but rates is taken at the next start");
        }
    }
}

/// When the file was written, if it can be seen.
async fn changed(path: &Path) -> Option<SystemTime> {
    tokio::fs::metadata(path).await.and_then(|file| file.modified()).ok()
}
