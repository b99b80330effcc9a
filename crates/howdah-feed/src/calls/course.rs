//! From the play to what arrives: some messages come twice, some late, some in another order.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::arrival::Held;
use crate::dice::Dice;
use crate::expected::{Claim, Expected};
use crate::json::push_decimal;
use crate::{Event, Options};

use super::market::{Fate, MOST, Market, Route, Sent};

/// Webhooks out of order: more than a minute, up to a quarter of an hour.
const DISORDER_MS: (i64, u64) = (60_000, 14 * 60_000);
/// Late ones: a day and more; they come at the end of a shorter feed.
const LATE_MS: (i64, u64) = (24 * 3_600_000, 3_600_000);
/// A repeat comes within a minute.
const REPEAT_MS: (i64, u64) = (1, 60_000);
/// Far enough that a feed kept in a file stays in the future.
const FAR_MS: i64 = 10 * 366 * 24 * 3_600_000;

/// The messages of a feed in the order of their arrival.
#[derive(Debug)]
pub(crate) struct Course {
    options: Options,
    dice: Dice,
    market: Market,
    made: u64,
    out: VecDeque<Event>,
    held: BinaryHeap<Reverse<Held>>,
    expected: Expected,
    done: bool,
}

impl Course {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            options: options.clone(),
            dice: Dice::new(options.seed, 5),
            market: Market::new(options),
            made: 0,
            out: VecDeque::new(),
            held: BinaryHeap::new(),
            expected: Expected::default(),
            done: false,
        }
    }

    pub(crate) fn expected(&self) -> &Expected {
        &self.expected
    }

    /// Plays all of it; gives the calls that were cleared and for whom.
    pub(super) fn routes(mut self) -> Vec<Route> {
        self.market.routes = Some(Vec::new());
        while self.next().is_some() {}
        self.market.routes.unwrap_or_default()
    }

    fn room(&self) -> u64 {
        self.options.events - self.made
    }

    fn make(&mut self) {
        let sent = if self.dice.per_million(self.options.broken_per_million.saturating_mul(8)) {
            // A step makes about eight messages.
            let far_ms = self.options.until_ms + FAR_MS;
            vec![self.market.broken(far_ms)]
        } else if self.room() > 2 * MOST {
            self.market.step()
        } else {
            self.market.ring()
        };
        for message in sent {
            self.take(message);
        }
    }

    fn take(&mut self, message: Sent) {
        self.made += 1;
        let Sent { stream, json, fate } = message;
        let webhook = match fate {
            Fate::Refused(kind) => {
                self.expected.count_broken(stream, kind);
                return self.out.push_back(Event::one(stream, json));
            }
            Fate::Stored => false,
            Fate::Webhook => true,
        };
        self.expected.count_row(stream);
        // The brief's 2 % of webhooks and 1 % out of order, 0.1 % late, of the usual options.
        let twice = self.options.duplicates_per_million * if webhook { 2 } else { 1 };
        if self.room() > MOST && self.dice.per_million(twice) {
            self.made += 1;
            self.expected.count_duplicate(stream);
            self.hold(stream, json.clone(), REPEAT_MS);
        }
        if webhook && self.dice.per_million(self.options.late_per_million / 5) {
            self.expected.count_late();
            return self.hold(stream, json, LATE_MS);
        }
        if webhook && self.dice.per_million(self.options.disorder_per_million / 2) {
            self.expected.count_out_of_order();
            return self.hold(stream, json, DISORDER_MS);
        }
        self.out.push_back(Event::one(stream, json));
    }

    fn hold(&mut self, stream: &'static str, json: String, (least, more): (i64, u64)) {
        let arrives_ms = self.market.now_ms + least + self.dice.below(more) as i64;
        self.held.push(Reverse(Held { arrives_ms, serial: self.made, stream, json }));
    }

    /// What the store must say of the whole.
    fn claim(&mut self) {
        let books = &self.market.books;
        let money = |units| {
            let mut out = String::new();
            push_decimal(&mut out, units, 4);
            out
        };
        let accounts = "from account_state where account like 'b0be%'";
        let claims = [
            ("calls", "select count(*) from call_state".to_owned(), self.market.calls.to_string()),
            (
                "bids",
                "select count(*) from bid_state".to_owned(),
                self.market.stored_bids.to_string(),
            ),
            (
                "calls routed",
                "select sum(routed) from call_guard".to_owned(),
                self.market.routed.to_string(),
            ),
            (
                "calls under way",
                "select sum(taken) from buyer_slots".to_owned(),
                self.market.open.to_string(),
            ),
            ("calls charged", "select sum(charges) from call_billing".to_owned(), {
                books.charges.to_string()
            }),
            ("charged", "select sum(charged) from call_billing".to_owned(), money(books.charged)),
            (
                "earned by sellers",
                "select sum(earned) from call_billing".to_owned(),
                money(books.earned),
            ),
            (
                "the platform's part",
                "select sum(posted) from account_state where account = 'platform:revenue'"
                    .to_owned(),
                money(books.fees),
            ),
            ("buyers' money", format!("select sum(posted) {accounts}"), money(books.posted())),
            ("held of it", format!("select sum(held) {accounts}"), money(books.held())),
            (
                "all accounts together",
                "select sum(posted) + sum(held) from account_state".to_owned(),
                "0".to_owned(),
            ),
        ];
        for (what, sql, is) in claims {
            self.expected.claim(Claim { what, sql, is });
        }
    }
}

impl Iterator for Course {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.out.pop_front() {
                return Some(event);
            }
            let ended = self.made >= self.options.events;
            let now = self.market.now_ms;
            if ended || self.held.peek().is_some_and(|held| held.0.arrives_ms <= now) {
                if let Some(Reverse(held)) = self.held.pop() {
                    return Some(Event::one(held.stream, held.json));
                }
                if !self.done {
                    self.done = true;
                    self.claim();
                }
                return None;
            }
            self.make();
        }
    }
}
