//! From events as they happen to messages as they arrive: cut into entries, out of order, twice in
//! other chunks, broken.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::broken::{BROKEN, break_event, break_message};
use super::event::{ChainEvent, NAMES, STREAMS, message, reorganisation};
use super::profile::{Chunks, Profile};
use super::world::World;
use crate::dice::Dice;
use crate::expected::{Broken, Expected};
use crate::{Event, Options};

/// A message holds events of at most so many bytes, unless one event is larger.
const MESSAGE_BYTES: usize = 75_000;
/// Repeats are of the last events of a kind.
const REMEMBERED: usize = 2_000;

/// A message that waits for its arrival. Ordered by arrival, then by when it was made.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Held {
    arrives: u64,
    serial: u64,
    stream: &'static str,
    json: String,
    events: u64,
}

/// Events of one kind that wait for their message.
#[derive(Debug, Default)]
struct Pending {
    events: Vec<String>,
    bytes: usize,
    first_block: u64,
}

/// The messages of the chain in order of arrival.
#[derive(Debug)]
pub(crate) struct Course {
    options: Options,
    profile: Profile,
    dice: Dice,
    world: World,
    /// Events of the transaction at hand, the next one first.
    transaction: VecDeque<ChainEvent>,
    /// Transactions that the block still takes.
    left_in_block: u64,
    blocks_since: u64,
    made: u64,
    serial: u64,
    /// Everything that is held is sent before more is made.
    barrier: bool,
    pending: [Pending; NAMES.len()],
    recent: [VecDeque<String>; NAMES.len()],
    held: BinaryHeap<Reverse<Held>>,
    expected: Expected,
    /// Every event that was made, for those who compute what should come of it.
    kept: Option<Vec<ChainEvent>>,
}

impl Course {
    pub(crate) fn new(options: &Options) -> howdah_error::Result<Self> {
        let profile = Profile::named(&options.profile)?;
        Ok(Self {
            dice: Dice::new(options.seed, 12),
            world: World::new(options.seed, profile),
            profile,
            transaction: VecDeque::new(),
            left_in_block: 0,
            blocks_since: 0,
            made: 0,
            serial: 0,
            barrier: false,
            pending: Default::default(),
            recent: Default::default(),
            held: BinaryHeap::new(),
            expected: Expected::default(),
            kept: None,
            options: options.clone(),
        })
    }

    /// Keeps the events that are made from now on.
    pub(crate) fn keep(&mut self) {
        self.kept = Some(Vec::new());
    }

    /// The events that were made and are not undone.
    pub(crate) fn kept(&mut self) -> Vec<ChainEvent> {
        self.kept.take().unwrap_or_default()
    }

    pub(crate) fn expected(&self) -> &Expected {
        &self.expected
    }

    fn make(&mut self) {
        let Some(event) = self.transaction.pop_front() else { return self.next_transaction() };
        let kind = event.kind();
        let json = event.json();
        self.made += 1;
        self.expected.count_row(STREAMS[kind]);
        if self.dice.per_million(self.profile.broken_per_million) && self.room() > 0 {
            self.add_broken(kind, &json);
        }
        if self.dice.per_million(self.profile.duplicates_per_million / 3) {
            self.repeat(kind);
        }
        if self.profile.duplicates_per_million > 0 {
            self.recent[kind].push_back(json.clone());
            if self.recent[kind].len() > REMEMBERED {
                self.recent[kind].pop_front();
            }
        }
        self.add(kind, json);
        if let Some(kept) = &mut self.kept {
            kept.push(event);
        }
    }

    fn room(&self) -> u64 {
        self.options.events.saturating_sub(self.made)
    }

    fn next_transaction(&mut self) {
        if self.left_in_block == 0 {
            if self.profile.chunks == Chunks::Block {
                self.flush();
            }
            self.blocks_since += 1;
            if self.profile.reorganised_each > 0
                && self.blocks_since > self.profile.reorganised_each
            {
                self.reorganise();
            }
            self.left_in_block = 1 + self.dice.below(3);
            let span = u128::from(self.options.span_ms.unsigned_abs());
            let since = span * u128::from(self.made) / u128::from(self.options.events.max(1));
            let now = self.options.until_ms - self.options.span_ms + since as i64;
            self.world.begin_block((now / 1_000).unsigned_abs());
        }
        self.left_in_block -= 1;
        self.transaction = self.world.transaction().into();
    }

    /// Up to ten blocks are replaced: every stream tells, behind all that was sent of them.
    fn reorganise(&mut self) {
        self.blocks_since = 0;
        let depth = 1 + self.dice.below(10);
        let Some(fork) = self.world.reorganise(depth) else { return };
        self.flush();
        for (kind, stream) in STREAMS.iter().enumerate() {
            // All say the same, so one of them is kept.
            if kind == 0 {
                self.expected.count_row(stream);
            } else {
                self.expected.count_duplicate(stream);
            }
            self.hold_message(kind, reorganisation(fork, depth), 1);
        }
        self.made += STREAMS.len() as u64;
        // Nothing that was made before arrives behind it, and nothing made later before it.
        let held = std::mem::take(&mut self.held)
            .into_iter()
            .map(|Reverse(held)| Reverse(Held { arrives: self.made, ..held }));
        self.held = held.collect();
        self.barrier = true;
        for recent in &mut self.recent {
            recent.clear();
        }
        if let Some(kept) = &mut self.kept {
            kept.retain(|event| event.place.block_number < fork);
        }
    }

    fn add(&mut self, kind: usize, json: String) {
        let block = self.world.block_number();
        if self.pending[kind].bytes + json.len() > MESSAGE_BYTES {
            self.flush_kind(kind);
        }
        let pending = &mut self.pending[kind];
        if pending.events.is_empty() {
            pending.first_block = block;
        }
        pending.bytes += json.len() + 1;
        pending.events.push(json);
        if matches!(self.profile.chunks, Chunks::Of(most) if pending.events.len() >= most) {
            self.flush_kind(kind);
        }
    }

    fn flush(&mut self) {
        for kind in 0..NAMES.len() {
            self.flush_kind(kind);
        }
    }

    fn flush_kind(&mut self, kind: usize) {
        let Pending { events, first_block, .. } = std::mem::take(&mut self.pending[kind]);
        if !events.is_empty() {
            self.hold(kind, &events, (first_block, self.world.block_number()));
        }
    }

    fn hold(&mut self, kind: usize, events: &[String], blocks: (u64, u64)) {
        let json = message(kind, events, blocks, self.serial as usize % 4);
        self.hold_message(kind, json, events.len() as u64);
    }

    fn hold_message(&mut self, kind: usize, json: String, events: u64) {
        self.serial += 1;
        self.held.push(Reverse(Held {
            arrives: self.made + self.dice.below(self.profile.disorder + 1),
            serial: self.serial,
            stream: STREAMS[kind],
            json,
            events,
        }));
    }

    /// Sends some of the last events once more: other neighbours, another message.
    fn repeat(&mut self, kind: usize) {
        let known = self.recent[kind].len();
        let many = (1 + self.dice.below(5)).min(self.room()).min(known as u64) as usize;
        if many == 0 {
            return;
        }
        let from = self.dice.below((known - many + 1) as u64) as usize;
        let events: Vec<String> = self.recent[kind].iter().skip(from).take(many).cloned().collect();
        self.made += many as u64;
        for _ in 0..many {
            self.expected.count_duplicate(STREAMS[kind]);
        }
        let block = self.world.block_number();
        self.hold(kind, &events, (block, block));
    }

    /// Puts something like the event beside it that cannot be stored.
    fn add_broken(&mut self, kind: usize, json: &str) {
        let kinds = BROKEN[kind];
        let broken = kinds[self.dice.below(kinds.len() as u64) as usize];
        self.made += 1;
        self.expected.count_broken(STREAMS[kind], broken);
        match broken {
            Broken::Malformed | Broken::UnknownSignature => {
                let block = self.world.block_number();
                let whole = message(kind, &[json.to_owned()], (block, block), 0);
                self.hold_message(kind, break_message(&whole, broken), 1);
            }
            _ => self.add(kind, break_event(json, broken)),
        }
    }
}

impl Iterator for Course {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            let ended = self.made >= self.options.events;
            if ended {
                self.flush();
            }
            let due = self.held.peek().is_some_and(|held| held.0.arrives <= self.made);
            self.barrier &= !self.held.is_empty();
            if due || ended || self.barrier {
                return self.held.pop().map(|Reverse(held)| Event {
                    stream: held.stream,
                    json: held.json,
                    events: held.events,
                });
            }
            self.make();
        }
    }
}
