//! The connection to the broker: it reads on as long as there is room, and connects again.

use std::sync::Arc;
use std::time::Duration;

use howdah_error::Code;
use howdah_pg::RetryPolicy;
use rumqttc::v5::mqttbytes::v5::{ConnAck, Packet, Publish, SubAck};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop};
use tokio::sync::{Semaphore, mpsc};

use super::broker::{Broker, Fault, fault, refused_subscription};
use super::deliveries::{Deliveries, filter};
use super::{Item, QUEUED_BYTES};
use crate::progress::{Away, Reporter};

/// Room is counted in pieces of so many bytes.
const PIECE: usize = 1 << 10;
/// Requests that wait to be sent: an acknowledgement for each packet id that there is, and some
/// more. A broker may have more under way than it was told (Mosquitto 2.0 does after a reconnect).
const REQUESTS: usize = u16::MAX as usize + 16;
/// After another client took the session: long enough for the rightful owner to work, whoever that
/// is. (A process that lost the database, and with it the shard, cannot know it before it is back.)
const TAKEN: RetryPolicy = RetryPolicy {
    attempts: u32::MAX,
    total: Duration::MAX,
    base: Duration::from_secs(30),
    cap: Duration::from_secs(30),
};

/// The connection of one session.
pub(super) struct Link {
    broker: Broker,
    events: EventLoop,
    deliveries: Deliveries,
    items: mpsc::Sender<Item>,
    room: Arc<Semaphore>,
    reporter: Reporter,
    retry: RetryPolicy,
    failed: u32,
    /// The broker has answered the first subscription of this connection.
    subscribed: bool,
    /// The session was there on an earlier connection.
    had_session: bool,
}

/// The link shall end.
struct End;

impl Link {
    pub(super) fn new(
        broker: Broker,
        last: u64,
        items: mpsc::Sender<Item>,
        reporter: Reporter,
    ) -> (Self, Deliveries) {
        let (client, events) = AsyncClient::new(broker.options(), REQUESTS);
        let filters = broker.topics.iter().map(|topic| filter(topic)).collect();
        let deliveries = Deliveries::new(client, filters, last);
        let this = Self {
            broker,
            events,
            deliveries: deliveries.clone(),
            items,
            room: Arc::new(Semaphore::new(QUEUED_BYTES / PIECE)),
            reporter,
            retry: RetryPolicy::default(),
            failed: 0,
            subscribed: false,
            had_session: false,
        };
        (this, deliveries)
    }

    /// Runs until nobody reads any more, or the broker refuses for good.
    pub(super) async fn run(mut self) {
        while self.step().await.is_ok() {}
    }

    async fn step(&mut self) -> Result<(), End> {
        let event = tokio::select! {
            event = self.events.poll() => event,
            // What was under way of the poll is lost with the connection.
            () = self.deliveries.broken() => return self.disconnected(None).await,
        };
        match event {
            Ok(Event::Incoming(Packet::Publish(publish))) => self.deliver(publish).await,
            Ok(Event::Incoming(Packet::ConnAck(answer))) => {
                self.connected(&answer);
                Ok(())
            }
            Ok(Event::Incoming(Packet::SubAck(answer))) => self.subscribed(&answer).await,
            Ok(_) => Ok(()),
            Err(error) => self.disconnected(Some(error)).await,
        }
    }

    /// Waits for room and hands the message on. Meanwhile nothing is read, so that the broker
    /// waits too; it may end the connection, which costs a repetition.
    async fn deliver(&mut self, publish: Publish) -> Result<(), End> {
        let size = publish.topic.len() + publish.payload.len();
        let pieces = size.div_ceil(PIECE).clamp(1, QUEUED_BYTES / PIECE) as u32;
        let room = Arc::clone(&self.room).acquire_many_owned(pieces).await.map_err(|_| End)?;
        let serial = self.deliveries.received(&publish);
        let Publish { topic, payload, .. } = publish;
        self.give(Item::Message { serial, topic, payload, room }).await?;
        self.reporter.read(self.deliveries.queued(), None);
        Ok(())
    }

    async fn give(&mut self, item: Item) -> Result<(), End> {
        self.items.send(item).await.map_err(|_| End)
    }

    fn connected(&mut self, answer: &ConnAck) {
        let source = &self.broker.source;
        let first = !self.had_session && !self.deliveries.has_history();
        if answer.session_present {
            self.deliveries.resumed();
        } else if !first {
            tracing::error!(
                source,
                "the broker has no session any more: messages that it kept for the source, if \
                 there were any, are lost; reading goes on with what comes"
            );
            self.deliveries.lose();
        }
        let granted = answer.properties.as_ref().and_then(|given| given.session_expiry_interval);
        if let Some(seconds) = granted.filter(|_| !self.had_session) {
            tracing::warn!(source, seconds, "the broker keeps the session only so long");
        }
        self.subscribed = false;
        // It cannot fail for want of room: a new connection has nothing to acknowledge.
        if !self.deliveries.subscribe() {
            tracing::error!(source, "could not ask the broker for the topics");
        }
    }

    async fn subscribed(&mut self, answer: &SubAck) -> Result<(), End> {
        let answers = self.broker.topics.iter().zip(answer.return_codes.iter().copied());
        let source = &self.broker.source;
        let refused =
            answers.into_iter().find_map(|(topic, code)| refused_subscription(source, topic, code));
        if let Some(error) = refused {
            self.give(Item::Failed(error)).await?;
            return Err(End);
        }
        let again = std::mem::replace(&mut self.subscribed, true);
        self.had_session = true;
        self.deliveries.subscribed();
        if self.failed > 0 {
            tracing::info!(source = self.broker.source, "the MQTT broker is back");
            self.reporter.back(Away::Source);
        }
        self.failed = 0;
        self.give(Item::Subscribed { again }).await
    }

    /// Forgets the connection, and waits before the next one.
    async fn disconnected(&mut self, error: Option<ConnectionError>) -> Result<(), End> {
        self.deliveries.disconnected(&mut self.events);
        self.subscribed = false;
        let Some(error) = error else { return Ok(()) };
        let source = &self.broker.source;
        self.failed += 1;
        self.reporter.away(Away::Source, Some(Code::SourceFailed));
        let wait = match fault(source, &error) {
            Fault::Lasting(error) => {
                self.give(Item::Failed(error)).await?;
                return Err(End);
            }
            Fault::Taken => {
                tracing::warn!(
                    source,
                    "another client took the session with the client id of this source; waiting \
                     before it is taken back"
                );
                TAKEN.base + TAKEN.wait(1)
            }
            Fault::Passing => {
                if self.failed == 1 {
                    tracing::warn!(source, %error, "the MQTT broker is away; trying again");
                }
                self.retry.wait(self.failed)
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => Ok(()),
            () = self.items.closed() => Err(End),
        }
    }
}
