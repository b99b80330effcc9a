//! What was received and is not acknowledged: shared by the link, the reader and the loop of a run.
//!
//! Invariant: an acknowledgement goes out on the connection that its message came on, or not at
//! all. After a new session the broker gives packet ids anew, and a late one would acknowledge a
//! message that nobody has committed.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Filter, Publish, RetainForwardRule};
use rumqttc::v5::{AsyncClient, EventLoop};
use tokio::sync::Notify;

use crate::batch::{Loss, Mark, Position};
use crate::failpoint;

/// Messages on their way to their commit.
#[derive(Debug, Clone)]
pub(crate) struct Deliveries(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    inner: Mutex<Inner>,
    /// Tells the link to connect again.
    broken: Notify,
}

struct Inner {
    client: AsyncClient,
    filters: Vec<Filter>,
    /// Which connection this is, counted from the first.
    connection: u64,
    /// The number of the last message received.
    received: u64,
    /// The number of the last message that the loop of the run has taken.
    taken: u64,
    open: VecDeque<Delivery>,
    /// What was lost before the next message.
    losses: Vec<Loss>,
    /// The connection is there, and subscribed.
    ready: bool,
}

struct Delivery {
    serial: u64,
    connection: u64,
    /// Packet id and quality of service; neither topic nor payload.
    publish: Publish,
    /// The broker keeps it for the session, and sends it again on the next connection.
    kept: bool,
    /// What was lost before it.
    losses: Vec<Loss>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("open", &self.open.len()).finish_non_exhaustive()
    }
}

impl Inner {
    /// Where in `open` begins what was not taken.
    fn waiting(&self) -> usize {
        self.open.partition_point(|delivery| delivery.serial <= self.taken)
    }

    /// Whether anything up to `to` came on this connection, and can be acknowledged.
    fn has_current(&self, to: u64) -> bool {
        let mut committed = self.open.iter().take_while(|delivery| delivery.serial <= to);
        committed.any(|delivery| delivery.connection == self.connection)
    }
}

impl Deliveries {
    pub(super) fn new(client: AsyncClient, filters: Vec<Filter>, last: u64) -> Self {
        let inner = Inner {
            client,
            filters,
            connection: 0,
            received: last,
            taken: last,
            open: VecDeque::new(),
            losses: Vec::new(),
            ready: false,
        };
        Self(Arc::new(Shared { inner: Mutex::new(inner), broken: Notify::new() }))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a message, and gives its number.
    pub(super) fn received(&self, publish: &Publish) -> u64 {
        let mut inner = self.lock();
        inner.received += 1;
        let (serial, connection) = (inner.received, inner.connection);
        let publish = Publish {
            topic: Bytes::new(),
            payload: Bytes::new(),
            properties: None,
            ..publish.clone()
        };
        let losses = std::mem::take(&mut inner.losses);
        let kept = publish.qos != QoS::AtMostOnce;
        inner.open.push_back(Delivery { serial, connection, publish, kept, losses });
        serial
    }

    /// The connection ended: what came on it is not acknowledged any more. What the event loop has
    /// not sent of it is dropped under the same lock that lets acknowledgements in.
    pub(super) fn disconnected(&self, events: &mut EventLoop) {
        let mut inner = self.lock();
        inner.connection += 1;
        inner.ready = false;
        events.clean();
        // Nor does it hand out what it had read: the broker sends that again, and it would look
        // like messages of the next connection, whose packet ids may be others.
        events.state.events.clear();
    }

    /// A new connection has the session of the last one: what waits and comes again is left to the
    /// broker. Otherwise a queue of what can no longer be acknowledged would be worked off first,
    /// and no message would ever be acknowledged where connections break sooner than that.
    pub(super) fn resumed(&self) {
        let mut inner = self.lock();
        let waiting = inner.waiting();
        let mut losses = Vec::new();
        for mut delivery in inner.open.split_off(waiting) {
            losses.append(&mut delivery.losses);
            if !delivery.kept {
                delivery.losses = std::mem::take(&mut losses);
                inner.open.push_back(delivery);
            }
        }
        inner.losses.splice(0..0, losses);
    }

    /// Whether a message still waits, and was not left to the broker.
    pub(super) fn is_open(&self, serial: u64) -> bool {
        self.lock().open.binary_search_by_key(&serial, |delivery| delivery.serial).is_ok()
    }

    /// The broker has a new session, and had one before: what it kept for that one is gone. Nobody
    /// knows how much that was, or whether it was anything.
    pub(super) fn lose(&self) {
        let mut inner = self.lock();
        inner.open.iter_mut().for_each(|delivery| delivery.kept = false);
        let (after, before) = (inner.received, inner.received + 1);
        let [after, before] = [after, before].map(|serial| Position(serial.to_string()));
        inner.losses.push(Loss { kind: "reset", after, before, entries: 0, exact: false });
    }

    /// Whether anything was ever received in this session of howdah's or an earlier one.
    pub(super) fn has_history(&self) -> bool {
        self.lock().received > 0
    }

    /// Asks for the topics; `false` when it cannot be asked now.
    pub(super) fn subscribe(&self) -> bool {
        let inner = self.lock();
        inner.client.try_subscribe_many(inner.filters.iter().cloned()).is_ok()
    }

    /// The broker has answered a subscription.
    pub(super) fn subscribed(&self) {
        self.lock().ready = true;
    }

    /// The same when the connection was subscribed before.
    pub(super) fn subscribe_again(&self) -> bool {
        let ready = self.lock().ready;
        ready && self.subscribe()
    }

    /// Nothing that was received waits for its commit.
    pub(super) fn are_acknowledged(&self) -> bool {
        self.lock().open.is_empty()
    }

    /// Waits until the connection shall be made anew.
    pub(super) async fn broken(&self) {
        self.0.broken.notified().await;
    }

    /// Messages that were received and not taken.
    pub(crate) fn queued(&self) -> u64 {
        let inner = self.lock();
        (inner.open.len() - inner.waiting()) as u64
    }

    /// Takes what is to be kept with the batch that ends at `to`.
    pub(crate) fn take(&self, to: &Position) -> Mark {
        let mut mark = Mark::default();
        let Ok(to) = to.0.parse::<u64>() else { return mark };
        let mut inner = self.lock();
        inner.taken = inner.taken.max(to);
        for delivery in inner.open.iter_mut().take_while(|delivery| delivery.serial <= to) {
            mark.losses.append(&mut delivery.losses);
        }
        mark.ordinal = Some(to);
        mark
    }

    /// Acknowledges everything up to `to`, which is committed, in the order in which it came.
    pub(crate) async fn committed(&self, to: &Position) {
        let Ok(to) = to.0.parse::<u64>() else { return };
        if self.lock().has_current(to) && failpoint::hit("acknowledge").await.is_err() {
            self.0.broken.notify_one();
            return;
        }
        let mut inner = self.lock();
        while inner.open.front().is_some_and(|delivery| delivery.serial <= to) {
            let Some(delivery) = inner.open.pop_front() else { break };
            let current = delivery.connection == inner.connection;
            if current && inner.client.try_ack(&delivery.publish).is_err() {
                // There is room for each packet id; a broker that sends more sends them again on
                // the next connection.
                self.0.broken.notify_one();
            }
        }
    }
}

/// What howdah asks for: at least once; what a broker retains, only for a new subscription, because
/// a session has had it before.
pub(super) fn filter(topic: &str) -> Filter {
    Filter {
        retain_forward_rule: RetainForwardRule::OnNewSubscribe,
        preserve_retain: true,
        ..Filter::new(topic, QoS::AtLeastOnce)
    }
}
