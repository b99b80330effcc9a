//! Clients that send each request until it is answered, and hold the answers to what was promised:
//! what was answered with 200 is stored once, its repetition is told the same, another body under
//! its name is refused, and nothing is stored of a request that was refused.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinHandle;

use super::client::{Came, Manner, Message, Reply, send};
use super::event::Order;

/// Where orders and trades are sent.
pub const ORDERS: &str = "/v1/streams/orders";
pub const TRADES: &str = "/v1/streams/trades";

/// How many send at once into one stream.
const CLIENTS: usize = 4;
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(25);

/// A request that is to be sent.
#[derive(Debug)]
pub struct Planned {
    /// What is sent.
    pub message: Message,
    /// How it is sent at first; then plainly.
    pub manner: Manner,
    /// Its events when it goes into the stream without a key.
    pub orders: Vec<Order>,
    /// How many events it has; none of them can be read when it is to be refused.
    pub events: u64,
    /// It is to be refused.
    pub bad: bool,
    /// What is sent after the answer.
    pub after: After,
}

/// What a client sends once it has its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// Nothing.
    Nothing,
    /// The same again.
    Same,
    /// Another body under the same name.
    Other,
}

/// What the answers said.
#[derive(Debug, Default)]
pub struct Told {
    /// The orders that are stored.
    pub orders: Vec<Order>,
    /// Events of the other stream that were new.
    pub accepted: i64,
    /// Requests that are stored.
    pub stored: i64,
    /// Attempts beyond the first.
    pub repeated: u64,
    /// How often a client misbehaved as it was to.
    pub manners: Vec<(Manner, u64)>,
    /// Answers that break a promise.
    pub wrong: Vec<String>,
}

/// Clients that work on queues, one for each stream: a process that serves one of them alone does
/// not keep all clients waiting for the other.
pub struct Requests {
    state: Arc<State>,
    clients: Vec<JoinHandle<()>>,
}

/// The requests of a stream that wait, and how many are under way.
#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Planned>,
    sent: usize,
}

#[derive(Debug)]
struct State {
    port: u16,
    secret: String,
    queues: Mutex<HashMap<&'static str, Queue>>,
    told: Mutex<Told>,
}

impl State {
    fn queues(&self) -> MutexGuard<'_, HashMap<&'static str, Queue>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wrong(&self, message: &Message, what: &str, reply: &Reply) {
        let Message { path, name, .. } = message;
        self.told().wrong.push(format!("{path} {name}: {what}: {reply:?}"));
    }
}

impl Requests {
    /// Clients of the server that is behind `port`.
    pub fn start(port: u16, secret: String) -> Self {
        let (queues, told) = (Mutex::default(), Mutex::default());
        let state = Arc::new(State { port, secret, queues, told });
        let client = |path| tokio::spawn(work(Arc::clone(&state), path));
        let clients = [ORDERS, TRADES].into_iter().flat_map(|path| [path; CLIENTS]);
        Self { clients: clients.map(client).collect(), state }
    }

    /// Queues requests.
    pub fn plan(&self, planned: Vec<Planned>) {
        let mut queues = self.state.queues();
        for one in planned {
            queues.entry(one.message.path).or_default().waiting.push_back(one);
        }
    }

    /// Requests that have not come to their end, into one stream or all.
    pub fn open(&self, path: Option<&str>) -> usize {
        let queues = self.state.queues();
        let wanted = |(key, _): &(&&str, &Queue)| path.is_none_or(|path| path == **key);
        queues.iter().filter(wanted).map(|(_, queue)| queue.waiting.len() + queue.sent).sum()
    }

    /// Looks at what was told.
    pub fn told<T>(&self, look: impl FnOnce(&mut Told) -> T) -> T {
        look(&mut self.state.told())
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        self.clients.iter().for_each(JoinHandle::abort);
    }
}

async fn work(state: Arc<State>, path: &'static str) {
    loop {
        let next = {
            let mut queues = state.queues();
            let queue = queues.entry(path).or_default();
            let next = queue.waiting.pop_front();
            queue.sent += usize::from(next.is_some());
            next
        };
        let Some(planned) = next else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        carry_out(&state, planned).await;
        state.queues().entry(path).or_default().sent -= 1;
    }
}

/// Brings one request to its end.
async fn carry_out(state: &State, planned: Planned) {
    let Planned { message, manner, orders, events, bad, after } = planned;
    let first = match manner {
        Manner::Plain => None,
        manner => misbehave(state, &message, manner).await,
    };
    let reply = match first {
        Some(reply) => reply,
        None => answered(state, &message).await,
    };
    if bad {
        if reply.status != 422 || !reply.body.contains("\"stored\":\"no\"") {
            state.wrong(&message, "a bad request is not refused", &reply);
        }
        return;
    }
    let Some(counts) = counts(&reply) else {
        state.wrong(&message, "a good request is not stored", &reply);
        return;
    };
    let keyless = !orders.is_empty();
    if counts.0 + counts.1 != events || (keyless && counts.1 != 0) {
        state.wrong(&message, "the counts are not those of its events", &reply);
    }
    {
        let mut told = state.told();
        told.stored += 1;
        if keyless {
            told.orders.extend(orders);
        } else {
            told.accepted += counts.0.cast_signed();
        }
    }
    match after {
        After::Nothing => {}
        After::Same => {
            let again = answered(state, &message).await;
            if self::counts(&again) != Some(counts) || !again.replayed {
                state.wrong(&message, "a repetition is not told the same", &again);
            }
        }
        After::Other => {
            // Without its last line end it is another body with the same events.
            let other = Message { body: message.body.trim_end().to_owned(), ..message };
            let reply = answered(state, &other).await;
            if reply.status != 409 {
                state.wrong(&other, "another request under its name is not refused", &reply);
            }
        }
    }
}

/// Sends until there is an answer that says what became of the request.
async fn answered(state: &State, message: &Message) -> Reply {
    let mut attempts = 0;
    loop {
        attempts += 1;
        if let Came::Reply(reply) = send(state.port, &state.secret, message, Manner::Plain).await {
            match reply.status {
                // It is not stored, or nobody can say; or this process serves other sources, or
                // shorter requests.
                404 | 408 | 413 | 429 | 503 => {}
                _ => {
                    state.told().repeated += attempts - 1;
                    return reply;
                }
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Sends in a bad manner, once it is seen to have met a server; the answer, if one was given.
async fn misbehave(state: &State, message: &Message, manner: Manner) -> Option<Reply> {
    let reply = loop {
        match send(state.port, &state.secret, message, manner).await {
            Came::Nothing { sent: true } => break None,
            Came::Reply(reply) if manner == Manner::Stalls && reply.status == 408 => break None,
            Came::Reply(reply) if matches!(reply.status, 200 | 422) => break Some(reply),
            Came::Reply(_) | Came::Nothing { sent: false } => tokio::time::sleep(PAUSE).await,
        }
    };
    let mut told = state.told();
    match told.manners.iter_mut().find(|(known, _)| *known == manner) {
        Some((_, times)) => *times += 1,
        None => told.manners.push((manner, 1)),
    }
    reply
}

/// `accepted` and `duplicates` of a request that is stored.
fn counts(reply: &Reply) -> Option<(u64, u64)> {
    let told: Value = serde_json::from_str(&reply.body).ok().filter(|_| reply.status == 200)?;
    Some((told["accepted"].as_u64()?, told["duplicates"].as_u64()?))
}
