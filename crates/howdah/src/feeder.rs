//! Sends the events of a feed on, in their order and at a chosen pace.

mod files;
mod redis;

use std::path::PathBuf;
use std::time::Duration;

use howdah_error::Result;
use howdah_feed::{Event, Feed};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use files::FileSink;
use redis::RedisSink;

/// The most events that are sent at once.
const CHUNK: usize = 1_000;

/// Where events go.
#[derive(Clone)]
pub enum Target {
    /// Lines on standard output.
    Stdout,
    /// Lines of one file, which is made anew.
    File(PathBuf),
    /// One file a stream, `STREAM.ndjson`, made anew.
    Folder(PathBuf),
    /// One Redis stream a stream, at this URL; the event is this field of an entry.
    Redis {
        /// The server.
        url: String,
        /// The field.
        field: &'static str,
    },
}

/// How events are sent.
#[derive(Default)]
pub struct Sending {
    /// At most so many a second.
    pub rate: Option<u64>,
    /// About so many events, and what comes behind them stays in the feed.
    pub most: Option<u64>,
    /// Only those of this stream.
    pub only: Option<String>,
    /// All into this one, whatever stream they are of.
    pub into: Option<&'static str>,
}

enum Sink {
    Files(FileSink),
    Redis(Box<RedisSink>),
}

/// Sends what the feed makes until it ends or `shutdown` comes; gives how many events were sent,
/// and `tell`s it after each chunk.
pub async fn send(
    feed: &mut Feed,
    target: &Target,
    sending: &Sending,
    shutdown: &CancellationToken,
    mut tell: impl FnMut(u64),
) -> Result<u64> {
    let mut sink = match target {
        Target::Stdout => Sink::Files(FileSink::stdout()),
        Target::File(path) => Sink::Files(FileSink::file(path)?),
        Target::Folder(path) => Sink::Files(FileSink::folder(path)?),
        Target::Redis { url, field } => Sink::Redis(Box::new(RedisSink::open(url, field).await?)),
    };
    // Fifty chunks a second look even, and cost little.
    let size = sending.rate.map_or(CHUNK, |rate| (rate as usize / 50).clamp(1, CHUNK));
    let (start, mut sent) = (Instant::now(), 0_u64);
    let wanted = |event: &Event| sending.only.as_ref().is_none_or(|name| event.stream == *name);
    let mut events = feed.filter(wanted);
    while sending.most.is_none_or(|most| sent < most) {
        let sent_into =
            |event: Event| Event { stream: sending.into.unwrap_or(event.stream), ..event };
        let chunk: Vec<Event> = events.by_ref().take(size).map(sent_into).collect();
        if chunk.is_empty() || shutdown.is_cancelled() {
            break;
        }
        sent += chunk.iter().map(|event| event.events).sum::<u64>();
        let open = match &mut sink {
            Sink::Files(files) => files.send(&chunk)?,
            Sink::Redis(redis) => redis.send(&chunk, shutdown).await?,
        };
        tell(sent);
        if !open {
            break;
        }
        if let Some(rate) = sending.rate {
            let due = start + Duration::from_secs_f64(sent as f64 / rate as f64);
            tokio::select! {
                () = tokio::time::sleep_until(due) => {}
                () = shutdown.cancelled() => break,
            }
        }
    }
    if let Sink::Files(files) = sink {
        files.finish()?;
    }
    Ok(sent)
}
