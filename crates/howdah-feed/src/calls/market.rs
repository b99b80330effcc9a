//! The play: each call from its first ring to its outcome, step by step in the order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::Options;
use crate::dice::Dice;
use crate::expected::Broken;
use crate::timeline::Timeline;

use super::books::{Books, Money};
use super::messages::{self as write, Txn};
use super::people::{BUYER, People, STRANGER, rating};

/// A step sends no more than so many messages.
pub(super) const MOST: u64 = 64;
/// A call makes about so many messages; a little less, so that the feed ends before its time does.
const PER_CALL: u64 = 22;
/// An auction lasts so long.
const AUCTION_MS: i64 = 30_000;
const VERTICALS: [&str; 4] = ["insurance", "home", "legal", "solar"];
const GEOS: [&str; 5] = ["US-CA", "US-TX", "US-FL", "US-NY", "US-AZ"];

/// A message, and what becomes of it.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) stream: &'static str,
    pub(super) json: String,
    pub(super) fate: Fate,
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Stored; it may come twice.
    Stored,
    /// Stored, and its way may be long: a webhook of the telephony provider.
    Webhook,
    /// Refused.
    Refused(Broken),
}

/// A call in play.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) number: u64,
    pub(super) seller: u64,
    pub(super) caller: u64,
    pub(super) vertical: &'static str,
    pub(super) geo: &'static str,
    pub(super) reserve: Money,
    opened_ms: i64,
    closes_ms: i64,
    /// Bids to come: after how many milliseconds, by whom, how much; the last comes first.
    plan: Vec<(i64, u64, Money)>,
    bids: Vec<Bid>,
    winner: Option<usize>,
    charge: Money,
    connected_ms: Option<i64>,
    revs: u64,
}

/// A bid as it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bid {
    pub(super) number: u64,
    pub(super) buyer: u64,
    pub(super) amount: Money,
    placed_ms: i64,
    held: bool,
}

/// What comes next for a call.
#[derive(Debug)]
enum Step {
    Bid,
    Close,
    End,
    Outcome(u64),
}

/// A step in its time; the serial keeps the order of one moment.
#[derive(Debug)]
struct Due {
    at: (i64, u64),
    step: Step,
    call: Box<Call>,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}
impl Eq for Due {}
impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

/// A call that was cleared for its buyer.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) call: u64,
    pub(super) seller: u64,
    pub(super) buyer: u64,
    pub(super) bid: u64,
    pub(super) ms: i64,
}

/// The market.
#[derive(Debug)]
pub(super) struct Market {
    dice: Dice,
    people: People,
    timeline: Timeline,
    until_ms: i64,
    due: BinaryHeap<Reverse<Due>>,
    serial: u64,
    pub(super) calls: u64,
    pub(super) routed: u64,
    pub(super) open: i64,
    bids: u64,
    pub(super) stored_bids: u64,
    txns: u64,
    pub(super) books: Books,
    /// Kept when somebody asks for them.
    pub(super) routes: Option<Vec<Route>>,
    out: Vec<Sent>,
    /// The time up to which was played.
    pub(super) now_ms: i64,
}

impl Market {
    pub(super) fn new(options: &Options) -> Self {
        let calls = Options { events: options.events / PER_CALL + 1, ..options.clone() };
        Self {
            dice: Dice::new(options.seed, 4),
            people: People::new(options.tenants, options.events),
            timeline: Timeline::new(&calls),
            until_ms: options.until_ms,
            due: BinaryHeap::new(),
            serial: 0,
            calls: 0,
            routed: 0,
            open: 0,
            bids: 0,
            stored_bids: 0,
            txns: 0,
            books: Books::default(),
            routes: None,
            out: Vec::new(),
            now_ms: i64::MIN,
        }
    }

    /// Plays on by one step; gives what was sent.
    pub(super) fn step(&mut self) -> Vec<Sent> {
        let start = self.timeline.moment(self.calls).ms.min(self.until_ms);
        if self.due.peek().is_some_and(|due| due.0.at.0 <= start)
            && let Some(Reverse(due)) = self.due.pop()
        {
            self.now_ms = due.at.0;
            match due.step {
                Step::Bid => self.bid(due.call),
                Step::Close => self.close(due.call),
                Step::End => self.end(due.call),
                Step::Outcome(number) => self.outcome(due.call, number),
            }
        } else {
            self.now_ms = start;
            self.begin();
        }
        std::mem::take(&mut self.out)
    }

    /// A call that only rings: one message, for the end of a feed.
    pub(super) fn ring(&mut self) -> Vec<Sent> {
        let call = self.new_call();
        self.calls += 1;
        let json = write::call(&call, 0, "initiated", self.now_ms, |_| {});
        self.send("call_events", json, Fate::Stored);
        std::mem::take(&mut self.out)
    }

    fn send(&mut self, stream: &'static str, json: String, fate: Fate) {
        self.out.push(Sent { stream, json, fate });
    }

    fn later(&mut self, ms: i64, step: Step, call: Box<Call>) {
        self.serial += 1;
        self.due.push(Reverse(Due { at: (ms, self.serial), step, call }));
    }

    fn new_call(&mut self) -> Call {
        Call {
            number: self.calls,
            seller: self.people.seller(&mut self.dice),
            caller: self.people.caller(&mut self.dice),
            vertical: VERTICALS[self.dice.below(VERTICALS.len() as u64) as usize],
            geo: GEOS[self.dice.below(GEOS.len() as u64) as usize],
            reserve: 10_000 * (1 + self.dice.below(6) as i64),
            opened_ms: self.now_ms,
            closes_ms: self.now_ms + AUCTION_MS,
            plan: Vec::new(),
            bids: Vec::new(),
            winner: None,
            charge: 0,
            connected_ms: None,
            revs: 1,
        }
    }

    /// A call comes in, is checked, and its auction is opened.
    fn begin(&mut self) {
        let call = self.new_call();
        self.calls += 1;
        let now = self.now_ms;
        let json = write::call(&call, 0, "initiated", now, |_| {});
        self.send("call_events", json, Fate::Webhook);
        // 4 % are denied, 0.3 % unknown: neither goes on.
        let outcome = match self.dice.below(1_000) {
            0..40 => "deny",
            40..43 => "unknown",
            _ => "allow",
        };
        for (kind, outcome) in [("tcpa_hours", "allow"), ("dnc", outcome), ("consent", "allow")] {
            let json = write::check(&call, kind, outcome, now);
            self.send("compliance_checks", json, Fate::Stored);
        }
        let score = self.dice.below(300) as i64;
        self.send("fraud_scores", write::fraud(&call, score, now), Fate::Stored);
        if outcome != "allow" {
            let json = write::call(&call, 1, "canceled", now, |json| {
                json.text("failure_code", "compliance");
            });
            self.send("call_events", json, Fate::Webhook);
            return;
        }
        let json = write::call(&call, 1, "auction_opened", now, |_| {});
        self.send("call_events", json, Fate::Webhook);
        let closes = call.closes_ms;
        let json = write::auction(&call, 1, "opened", now, |json| json.time("closes_at", closes));
        self.send("auction_events", json, Fate::Stored);
        let call = self.planned(call);
        self.next_bid(Box::new(call));
    }

    /// Draws the bids to come: two to nine, by different buyers; for one call in fourteen none.
    fn planned(&mut self, mut call: Call) -> Call {
        let bidders =
            if self.dice.below(14) == 0 { 0 } else { 2 + u64::from(self.dice.heads().min(7)) };
        for _ in 0..bidders {
            let buyer = self.people.buyer(&mut self.dice);
            if call.plan.iter().any(|(_, known, _)| *known == buyer) {
                continue;
            }
            let after = 500 + self.dice.below(28_000) as i64;
            let amount = call.reserve * 8 / 10 + self.dice.below(120_000) as i64;
            call.plan.push((after, buyer, amount));
        }
        call.plan.sort_unstable_by(|a, b| b.cmp(a));
        call
    }

    fn next_bid(&mut self, call: Box<Call>) {
        match call.plan.last() {
            Some((after, ..)) => self.later(call.opened_ms + after, Step::Bid, call),
            None => self.later(call.closes_ms, Step::Close, call),
        }
    }

    /// A bid is placed, and its amount held; a buyer whose money is short may pay in first.
    fn bid(&mut self, mut call: Box<Call>) {
        let Some((after, buyer, amount)) = call.plan.pop() else { return self.next_bid(call) };
        let placed_ms = self.now_ms;
        let mut bid = Bid { number: self.bids, buyer, amount, placed_ms, held: false };
        self.bids += 1;
        self.stored_bids += 1;
        let json = write::bid(&call, &bid, 1, "placed", placed_ms, |json| {
            write::placed(json, &bid, placed_ms);
        });
        self.send("bid_events", json, Fate::Stored);
        if self.dice.per_million(5_000) {
            // The client lost the answer and sends the bid again, with another time.
            let again = placed_ms + 200;
            let json = write::bid(&call, &bid, 1, "placed", again, |json| {
                write::placed(json, &bid, again);
            });
            self.send("bid_events", json, Fate::Refused(Broken::Retried));
        }
        if self.books.available(buyer) < amount && self.dice.below(10) < 7 {
            self.pay_in(buyer);
        }
        bid.held = self.books.available(buyer) >= amount;
        let fate = if bid.held { Fate::Stored } else { Fate::Refused(Broken::OverLimit) };
        let txn = self.txn("hold", format!("hold:{}", write::uuid(write::BID, bid.number)));
        let txn = Txn { legs: write::held(buyer, amount), ..txn };
        let json = txn.message(|json| {
            json.uuid("hold_id", write::BID, bid.number);
            json.uuid("buyer_id", BUYER, buyer);
            json.time("expires_at", placed_ms + write::BID_LIVES_MS);
        });
        self.send("ledger", json, fate);
        if bid.held {
            self.books.hold(buyer, amount);
        }
        call.bids.push(bid);
        // A bid in the last ten seconds moves the close to fifteen seconds after it.
        if call.closes_ms - placed_ms < 10_000 && after < 28_500 && self.dice.below(2) == 0 {
            call.closes_ms = call.closes_ms.max(placed_ms + 15_000);
            call.revs += 1;
            let closes = call.closes_ms;
            let json = write::auction(&call, call.revs, "extended", placed_ms, |json| {
                json.time("closes_at", closes);
            });
            self.send("auction_events", json, Fate::Stored);
        }
        self.next_bid(call);
    }

    fn txn(&mut self, kind: &'static str, key: String) -> Txn {
        self.txns += 1;
        Txn { number: self.txns, kind, key, ms: self.now_ms, legs: Vec::new() }
    }

    fn pay_in(&mut self, buyer: u64) {
        let amount = 10_000 * (200 + self.dice.below(1_800) as i64);
        let txn = self.txn("deposit", format!("dep:psp-{}", self.txns + 1));
        let txn = Txn { legs: write::paid_in(write::uuid(BUYER, buyer), amount), ..txn };
        self.send("ledger", txn.message(|_| {}), Fate::Stored);
        self.books.deposit(buyer, amount);
    }

    /// The auction is closed: the best bid wins, the holds of the others go back.
    fn close(&mut self, mut call: Box<Call>) {
        let now = self.now_ms;
        let mut ranked: Vec<usize> = (0..call.bids.len()).collect();
        let qualified = |bid: &Bid| bid.held && bid.amount >= call.reserve;
        // 0.7 of the amount and 3 times the rating, in units of a hundred-thousandth.
        let score = |bid: &Bid| 7 * bid.amount + 300 * rating(bid.buyer);
        ranked.sort_by_key(|at| {
            let bid = &call.bids[*at];
            (!qualified(bid), Reverse(score(bid)), bid.number)
        });
        let good = ranked.iter().filter(|at| qualified(&call.bids[**at])).count();
        call.winner = ranked.first().copied().filter(|_| good > 0);
        if let Some(winner) = call.winner {
            let own = call.bids[winner].amount;
            let runner_up = ranked.get(1).filter(|_| good > 1).map(|at| call.bids[*at].amount);
            call.charge =
                runner_up.map_or(call.reserve, |amount| (amount + 100).min(own).max(call.reserve));
        }
        let json = write::auction(&call, call.revs + 1, "closed", now, |json| {
            json.number("total_bids", call.bids.len() as u64);
            json.number("qualified_bids", good as u64);
            json.flag("reserve_met", good > 0);
            if let Some(winner) = call.winner {
                json.uuid("winning_bid_id", write::BID, call.bids[winner].number);
                json.decimal("clearing_price", call.charge, 4);
            }
            json.text("rule", "amount and rating");
            json.number("rule_version", 1);
        });
        self.send("auction_events", json, Fate::Stored);
        self.end_bids(&call, &ranked);
        if call.winner.is_some() {
            self.route(call);
        } else {
            let json = write::call(&call, 2, "failed", now, |json| {
                json.text("failure_code", "unsold");
            });
            self.send("call_events", json, Fate::Webhook);
        }
    }

    fn end_bids(&mut self, call: &Call, ranked: &[usize]) {
        let now = self.now_ms;
        for (place, at) in ranked.iter().enumerate() {
            let bid = call.bids[*at];
            let won = call.winner == Some(*at);
            let kind = if won { "won" } else { "lost" };
            let json = write::bid(call, &bid, 2, kind, now, |json| {
                json.uuid("seller_id", super::people::SELLER, call.seller);
                json.number("place", place as u64 + 1);
                json.time("bid_at", bid.placed_ms);
                json.number("competing_bids", ranked.len() as u64 - 1);
            });
            self.send("bid_events", json, Fate::Stored);
            if bid.held && !won {
                self.give_back(&bid);
            }
        }
    }

    fn give_back(&mut self, bid: &Bid) {
        let key = format!("release:{}", write::uuid(write::BID, bid.number));
        let txn = self.txn("hold_release", key);
        let txn = Txn { legs: write::held(bid.buyer, -bid.amount), ..txn };
        let json = txn.message(|json| {
            json.uuid("hold_id", write::BID, bid.number);
            json.uuid("buyer_id", BUYER, bid.buyer);
        });
        self.send("ledger", json, Fate::Stored);
        self.books.release(bid.buyer, bid.amount);
    }

    /// The call is routed to its buyer and rings; mostly somebody answers.
    fn route(&mut self, mut call: Box<Call>) {
        let Some(winner) = call.winner.map(|at| call.bids[at]) else { return };
        let now = self.now_ms;
        let (routing_ms, seller) = (1 + u64::from(self.dice.heads() * 2), call.seller);
        let json = write::call(&call, 2, "routed", now, |json| {
            write::sold_to(json, &winner);
            json.number("routing_ms", routing_ms);
            json.text("algorithm", "amount and rating");
        });
        self.send("call_events", json, Fate::Webhook);
        if let Some(routes) = &mut self.routes {
            let (call, bid, buyer) = (call.number, winner.number, winner.buyer);
            routes.push(Route { call, seller, buyer, bid, ms: now });
        }
        self.routed += 1;
        self.open += 1;
        let json = write::call(&call, 3, "ringing", now + 800, |json| {
            write::sold_to(json, &winner);
        });
        self.send("call_events", json, Fate::Webhook);
        if self.dice.below(100) < 22 {
            return self.later(now + 25_000, Step::End, call);
        }
        let connected = now + 3_000;
        call.connected_ms = Some(connected);
        let json = write::call(&call, 4, "connected", connected, |json| {
            write::sold_to(json, &winner);
            json.time("connected_at", connected);
        });
        self.send("call_events", json, Fate::Webhook);
        // Half end within a minute and a half, one in twenty lasts more than five.
        let seconds = 5 + self.dice.below(150) + 60 * u64::from(self.dice.heads());
        self.later(connected + 1_000 * seconds as i64, Step::End, call);
    }

    /// The call ends: it is charged, or its hold goes back.
    fn end(&mut self, call: Box<Call>) {
        let Some(winner) = call.winner.map(|at| call.bids[at]) else { return };
        self.open -= 1;
        let now = self.now_ms;
        let Some(connected) = call.connected_ms else {
            let kind = ["no_answer", "busy", "failed", "canceled"][self.dice.below(4) as usize];
            let json = write::call(&call, 4, kind, now, |json| {
                write::sold_to(json, &winner);
                json.time("ended_at", now);
            });
            self.send("call_events", json, Fate::Webhook);
            return self.give_back(&winner);
        };
        let seconds = ((now - connected) / 1_000).unsigned_abs();
        let json = write::call(&call, 5, "completed", now, |json| {
            write::sold_to(json, &winner);
            json.number("duration_s", seconds);
            json.time("started_at", call.opened_ms);
            json.time("connected_at", connected);
            json.time("ended_at", now);
            json.text("disconnect_by", "caller");
        });
        self.send("call_events", json, Fate::Webhook);
        if self.dice.below(100) < 2 {
            let json = write::call(&call, 6, "corrected", now + 500, |json| {
                write::sold_to(json, &winner);
                json.number("supersedes", 5);
                json.number("duration_s", seconds + 2);
            });
            self.send("call_events", json, Fate::Webhook);
        }
        self.charge(&call, &winner);
        for sample in 0..(seconds / 10).min(4) {
            let mos = 300 + self.dice.below(150) as i64;
            let ms = connected + 10_000 * (sample as i64 + 1);
            let json = write::quality(&call, &winner, sample, mos, ms);
            self.send("call_quality", json, Fate::Stored);
        }
        if self.dice.below(100) < 40 {
            let after = 60_000 * (30 + self.dice.below(300) as i64);
            self.later(now + after, Step::Outcome(1), call);
        }
    }

    fn charge(&mut self, call: &Call, winner: &Bid) {
        let key = format!("charge:{}", write::uuid(write::CALL, call.number));
        let txn = self.txn("capture", key);
        let txn = Txn { legs: write::captured(call, winner, call.charge), ..txn };
        let json = txn.message(|json| {
            json.text("reference_type", "call");
            json.text("reference_id", &write::uuid(write::CALL, call.number));
            json.uuid("call_id", write::CALL, call.number);
            json.uuid("hold_id", write::BID, winner.number);
            json.uuid("buyer_id", BUYER, winner.buyer);
            json.uuid("seller_id", super::people::SELLER, call.seller);
        });
        self.send("ledger", json, Fate::Stored);
        self.books.capture(winner.buyer, winner.amount, call.charge);
    }

    /// The buyer tells what came of it; one in ten thinks better of it later.
    fn outcome(&mut self, call: Box<Call>, number: u64) {
        let Some(winner) = call.winner.map(|at| call.bids[at]) else { return };
        let sold = self.dice.below(100) < 30;
        let revenue = if sold { 10_000 * (20 + self.dice.below(200) as i64) } else { 0 };
        let json = write::outcome(&call, &winner, number, revenue, self.now_ms);
        self.send("outcomes", json, Fate::Stored);
        if number == 1 && self.dice.below(10) == 0 {
            self.later(self.now_ms + 3_600_000, Step::Outcome(2), call);
        }
    }

    /// A message that cannot be stored.
    pub(super) fn broken(&mut self, far_ms: i64) -> Sent {
        let call = self.new_call();
        let number = (1 << 40) + self.bids;
        self.bids += 1;
        let (buyer, placed_ms) = (self.people.buyer(&mut self.dice), self.now_ms);
        let bid = Bid { number, buyer, amount: 50_000, placed_ms, held: false };
        let kinds = [
            Broken::MissingKey,
            Broken::MissingTime,
            Broken::NegativeSize,
            Broken::Malformed,
            Broken::FarFuture,
            Broken::UnknownTenant,
        ];
        let kind = kinds[self.dice.below(kinds.len() as u64) as usize];
        if kind == Broken::UnknownTenant {
            let txn = self.txn("deposit", format!("dep:stranger-{number}"));
            let txn = Txn { legs: write::paid_in(write::uuid(STRANGER, number), 10_000), ..txn };
            let json = txn.message(|_| {});
            return Sent { stream: "ledger", json, fate: Fate::Refused(kind) };
        }
        let at = if kind == Broken::FarFuture { far_ms } else { placed_ms };
        let bid = if kind == Broken::NegativeSize { Bid { amount: -50_000, ..bid } } else { bid };
        let mut json =
            write::bid(&call, &bid, 1, "placed", at, |json| write::placed(json, &bid, at));
        match kind {
            Broken::MissingKey => json = json.replace("\"bid_id\"", "\"bid\""),
            Broken::MissingTime => json = json.replace("\"event_time\"", "\"time\""),
            Broken::Malformed => json.truncate(20),
            _ => {}
        }
        Sent { stream: "bid_events", json, fate: Fate::Refused(kind) }
    }
}
