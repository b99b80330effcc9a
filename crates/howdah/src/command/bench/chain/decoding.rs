//! How fast the messages of a load become rows, without Redis and without a database.

use bytes::Bytes;
use howdah_error::{Error, Result};
use howdah_feed::{Event, Options};
use howdah_stream::{Body, Decoded, Position, Raw};

use super::super::usage::thread_seconds;
use crate::command::demo::stage::Stage;
use crate::command::run::decoder;

/// So many messages are made before the clock goes on.
const AT_ONCE: usize = 500;

/// Events that one core decodes in a second, refused ones among them.
///
/// Errors: the events are not as many as the feed says.
pub async fn measure(stage: &Stage, options: &Options) -> Result<f64> {
    let connection = stage.session.connect().await?;
    let model = stage.session.model(&connection).await?;
    let source = model.system.sources.first();
    let source = source.ok_or_else(|| Error::internal("the system chain has no source"))?;
    let mut decoder = decoder(&model.system, source)?;
    let mut feed = howdah_feed::events("chain", options)?;
    let (mut found, mut seconds, mut wanted) = (Decoded::default(), 0.0, 0);
    loop {
        let messages: Vec<Event> = feed.by_ref().take(AT_ONCE).collect();
        if messages.is_empty() {
            break;
        }
        wanted += messages.iter().map(|message| message.events).sum::<u64>();
        let raws: Vec<Raw> = messages
            .into_iter()
            .map(|message| Raw {
                position: Position("1760745599000-0".into()),
                body: Body::Text(Bytes::from(message.json)),
            })
            .collect();
        let before = thread_seconds();
        for raw in raws {
            decoder.decode(raw, &mut found);
            found.rows.clear();
            found.refusals.clear();
        }
        seconds += thread_seconds().zip(before).map_or(f64::NAN, |(after, before)| after - before);
    }
    if found.events != wanted {
        return Err(Error::internal(format!("{} of {wanted} events were decoded", found.events)));
    }
    Ok(wanted as f64 / seconds)
}
