//! MQTT 5: messages under topics, acknowledged after their commit.
//!
//! A broker keeps what a session was not seen to acknowledge, and nothing else: there is no place
//! in a topic to read on from. So a message is acknowledged when the transaction of its rows is
//! durable, and whatever the broker sends again after a failure is there already by its key. The
//! committed position is the number of messages that were taken, which tells a lost reply of the
//! database from a lost batch (ADR 0026).
//!
//! The session has a fixed client id and does not end. A process that stands by does not connect:
//! a broker gives a session to whoever comes last.

mod broker;
mod deliveries;
mod link;

use std::time::Duration;

use bytes::Bytes;
use howdah_error::{Error, Kind, Result};
use howdah_system::{Mqtt, Source};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinHandle;

use self::broker::{Broker, failed};
pub(crate) use self::deliveries::Deliveries;
use self::link::Link;
use super::{Access, Opening};
use crate::batch::Position;
use crate::raw::{Body, Raw};

/// Messages that wait for decoding, at most.
const QUEUED: usize = 1_000;
/// Their bytes, at most, unless one alone is larger.
const QUEUED_BYTES: usize = 4 << 20;
/// A reader that shall end asks so often whether the broker has more.
const LOOK: Duration = Duration::from_millis(20);

/// What the link hands to the reader.
#[derive(Debug)]
enum Item {
    Message {
        serial: u64,
        topic: Bytes,
        payload: Bytes,
        room: OwnedSemaphorePermit,
    },
    /// The broker answered a subscription, on a new connection or (`again`) on one that was asked
    /// for before: everything that it had to send until then is here.
    Subscribed {
        again: bool,
    },
    Failed(Error),
}

/// Reads the messages of one session.
#[derive(Debug)]
pub(super) struct MqttReader {
    items: mpsc::Receiver<Item>,
    deliveries: Deliveries,
    link: JoinHandle<()>,
    chunk_bytes: usize,
    once: bool,
    /// Messages came since the last subscription was asked for.
    came: bool,
}

impl MqttReader {
    /// Starts to connect; what comes of it, [`Self::next_chunk`] tells.
    pub(super) fn open(mqtt: &Mqtt, opening: &Opening<'_>) -> Result<Self> {
        let source = &opening.source.name;
        let last = match opening.position {
            None => 0,
            Some(position) => position.0.parse().map_err(|_| {
                failed(Kind::Conflict, source, "the committed position is no number of messages")
                    .hint("The source was another kind of source before; give it a new name.")
            })?,
        };
        let broker = Broker::new(source, mqtt, opening.access)?;
        let (sender, items) = mpsc::channel(QUEUED);
        let (link, deliveries) = Link::new(broker, last, sender, opening.reporter.clone());
        Ok(Self {
            items,
            deliveries,
            link: tokio::spawn(link.run()),
            chunk_bytes: opening.chunk_bytes.max(1),
            once: opening.once,
            came: true,
        })
    }

    /// What was received and is not acknowledged.
    pub(super) fn deliveries(&self) -> Deliveries {
        self.deliveries.clone()
    }

    /// The next messages; `None` when the reader shall end and the broker has no more.
    pub(super) async fn next_chunk(&mut self) -> Result<Option<Vec<Raw>>> {
        loop {
            let Some(item) = self.wait().await else { return Ok(None) };
            let (mut chunk, mut bytes) = (Vec::new(), 0);
            let mut next = Some(item);
            while let Some(item) = next {
                match item {
                    Item::Message { serial, topic, payload, room } => {
                        drop(room);
                        self.came = true;
                        if self.deliveries.is_open(serial) {
                            bytes += topic.len() + payload.len();
                            let position = Position(serial.to_string());
                            chunk.push(Raw { position, body: Body::Message(topic, payload) });
                        }
                    }
                    Item::Subscribed { again: true } => {
                        if self.once && !self.came && chunk.is_empty() {
                            return Ok(None);
                        }
                    }
                    Item::Subscribed { again: false } => self.came = true,
                    // What came before it is in the chunk, and is read again anyway.
                    Item::Failed(error) => return Err(error),
                }
                next = if bytes < self.chunk_bytes { self.items.try_recv().ok() } else { None };
            }
            if !chunk.is_empty() {
                return Ok(Some(chunk));
            }
        }
    }

    /// Waits for the next item. A reader that shall end asks the broker, once everything that came
    /// is acknowledged, to subscribe it again: the answer stands behind what the broker has yet.
    async fn wait(&mut self) -> Option<Item> {
        if !self.once {
            return self.items.recv().await;
        }
        loop {
            match tokio::time::timeout(LOOK, self.items.recv()).await {
                Ok(item) => return item,
                Err(_) if self.came && self.deliveries.are_acknowledged() => {
                    if self.deliveries.subscribe_again() {
                        self.came = false;
                    }
                }
                Err(_) => {}
            }
        }
    }
}

impl Drop for MqttReader {
    /// The broker sees the connection end, and keeps what was not acknowledged.
    fn drop(&mut self) {
        self.link.abort();
    }
}

/// Whether a broker listens where the source says: a connection, and no session.
pub(super) async fn reach(source: &Source, mqtt: &Mqtt, access: &Access) -> Result<()> {
    Broker::new(&source.name, mqtt, access)?.reach().await
}
