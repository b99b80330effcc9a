//! The messages, field by field as in the brief, §3.

use crate::json::{Object, UuidPrefix, push_decimal, push_time, push_uuid};

use super::books::{Money, parts};
use super::market::{Bid, Call};
use super::people::{BUYER, SELLER, phone, phone_hmac};

/// Uuids of calls, auctions, bids and transactions.
pub(super) const CALL: UuidPrefix = UuidPrefix("ca110000");
pub(super) const AUCTION: UuidPrefix = UuidPrefix("a0c70000");
pub(super) const BID: UuidPrefix = UuidPrefix("b1d00000");
const TXN: UuidPrefix = UuidPrefix("7e100000");

/// Room for most messages, so that their text is allocated once.
const BYTES: usize = 480;

/// The provider's name of a call.
pub(super) fn sid(call: u64) -> String {
    format!("CA{call:012x}")
}

/// The number of the platform that calls come to.
const TO_PHONE: &str = "+18885550100";

/// An event of a call; `rest` writes what this kind alone has.
pub(super) fn call(
    call: &Call,
    seq: u64,
    kind: &str,
    ms: i64,
    rest: impl FnOnce(&mut Object),
) -> String {
    let mut json = Object::with_capacity(BYTES);
    json.time("event_time", ms);
    json.text("kind", kind);
    json.uuid("call_id", CALL, call.number);
    json.text("call_sid", &sid(call.number));
    json.number("seq", seq);
    json.uuid("seller_id", SELLER, call.seller);
    json.text("from_phone", &phone(call.caller));
    json.text("to_phone", TO_PHONE);
    json.text("phone_hmac", &phone_hmac(call.caller));
    json.text("vertical", call.vertical);
    json.text("geo", call.geo);
    rest(&mut json);
    json.finish()
}

/// Buyer and winning bid: of every event after the call was sold.
pub(super) fn sold_to(json: &mut Object, winner: &Bid) {
    json.uuid("buyer_id", BUYER, winner.buyer);
    json.uuid("winning_bid_id", BID, winner.number);
}

pub(super) fn auction(
    call: &Call,
    rev: u64,
    kind: &str,
    ms: i64,
    rest: impl FnOnce(&mut Object),
) -> String {
    let mut json = Object::with_capacity(BYTES);
    json.time("event_time", ms);
    json.text("kind", kind);
    json.uuid("auction_id", AUCTION, call.number);
    json.number("rev", rev);
    json.uuid("call_id", CALL, call.number);
    json.uuid("seller_id", SELLER, call.seller);
    json.text("type", "second_price");
    json.text("vertical", call.vertical);
    json.text("geo", call.geo);
    json.decimal("reserve_price", call.reserve, 4);
    rest(&mut json);
    json.finish()
}

pub(super) fn bid(
    call: &Call,
    bid: &Bid,
    rev: u64,
    kind: &str,
    ms: i64,
    rest: impl FnOnce(&mut Object),
) -> String {
    let mut json = Object::with_capacity(BYTES);
    json.time("event_time", ms);
    json.text("kind", kind);
    json.uuid("bid_id", BID, bid.number);
    json.number("rev", rev);
    json.uuid("auction_id", AUCTION, call.number);
    json.uuid("call_id", CALL, call.number);
    json.uuid("buyer_id", BUYER, bid.buyer);
    json.decimal("amount", bid.amount, 4);
    rest(&mut json);
    json.finish()
}

/// What a placed bid says beside.
pub(super) fn placed(json: &mut Object, bid: &Bid, ms: i64) {
    json.text("price_unit", "per_call");
    json.number("received", bid.number);
    json.time("expires_at", ms + BID_LIVES_MS);
    json.text("idempotency_key", &format!("bid-{:x}", bid.number));
}

/// How long a bid stands.
pub(super) const BID_LIVES_MS: i64 = 5 * 60_000;

/// A check before a call is routed.
pub(super) fn check(call: &Call, kind: &str, outcome: &str, ms: i64) -> String {
    let mut json = Object::with_capacity(BYTES);
    json.time("event_time", ms);
    json.uuid("call_id", CALL, call.number);
    json.text("check", kind);
    json.number("attempt", 1);
    json.uuid("seller_id", SELLER, call.seller);
    json.text("phone_hmac", &phone_hmac(call.caller));
    json.text("outcome", outcome);
    json.text("rule_id", "default");
    json.number("rule_version", 1);
    json.number("latency_ms", 2);
    json.finish()
}

pub(super) fn fraud(call: &Call, score: i64, ms: i64) -> String {
    let mut json = Object::with_capacity(BYTES);
    json.time("event_time", ms);
    json.text("subject_kind", "call");
    json.text("subject_id", &uuid(CALL, call.number));
    json.text("model_version", "2025.05");
    json.number("attempt", 1);
    json.decimal("score", score, 3);
    json.text("decision", if score >= 700 { "review" } else { "allow" });
    json.finish()
}

pub(super) fn quality(call: &Call, winner: &Bid, sample: u64, mos: i64, ms: i64) -> String {
    let mut json = Object::with_capacity(BYTES);
    json.time("event_time", ms);
    json.uuid("call_id", CALL, call.number);
    json.number("leg", 0);
    json.number("sample_no", sample);
    json.uuid("seller_id", SELLER, call.seller);
    json.uuid("buyer_id", BUYER, winner.buyer);
    json.decimal("mos", mos, 2);
    json.decimal("packet_loss", 4, 3);
    json.number("jitter_ms", 11);
    json.finish()
}

pub(super) fn outcome(call: &Call, winner: &Bid, number: u64, revenue: Money, ms: i64) -> String {
    let mut json = Object::with_capacity(BYTES);
    json.time("event_time", ms);
    json.uuid("call_id", CALL, call.number);
    json.number("outcome_no", number);
    json.uuid("buyer_id", BUYER, winner.buyer);
    json.flag("converted", revenue > 0);
    json.decimal("revenue", revenue, 4);
    json.text("disposition", if revenue > 0 { "sale" } else { "none" });
    json.finish()
}

/// A transaction of the ledger and its legs.
pub(super) struct Txn {
    /// Transactions are counted, which makes their ids.
    pub(super) number: u64,
    pub(super) kind: &'static str,
    pub(super) key: String,
    pub(super) ms: i64,
    pub(super) legs: Vec<(String, &'static str, Money)>,
}

impl Txn {
    /// The message; `rest` writes what it is about.
    pub(super) fn message(&self, rest: impl FnOnce(&mut Object)) -> String {
        let mut json = Object::with_capacity(2 * BYTES);
        json.time("event_time", self.ms);
        json.uuid("txn_id", TXN, self.number);
        json.text("idempotency_key", &self.key);
        json.text("kind", self.kind);
        json.text("currency", "USD");
        rest(&mut json);
        let mut legs = String::from("[");
        for (number, (account, bucket, amount)) in self.legs.iter().enumerate() {
            let comma = if number > 0 { "," } else { "" };
            legs.push_str(&format!(
                "{comma}{{\"account_id\":\"{account}\",\"bucket\":\"{bucket}\""
            ));
            legs.push_str(",\"amount\":\"");
            push_decimal(&mut legs, *amount, 4);
            legs.push_str("\"}");
        }
        legs.push(']');
        json.raw("legs", &legs);
        json.finish()
    }
}

/// The legs of a hold, or with a negative amount those of giving it back.
pub(super) fn held(buyer: u64, amount: Money) -> Vec<(String, &'static str, Money)> {
    vec![(uuid(BUYER, buyer), "held", amount), ("memo:holds".to_owned(), "held", -amount)]
}

/// The legs that end a hold of `size` with a charge.
pub(super) fn captured(
    call: &Call,
    winner: &Bid,
    charge: Money,
) -> Vec<(String, &'static str, Money)> {
    let (earned, fee) = parts(charge);
    let mut legs = held(winner.buyer, -winner.amount);
    legs.push((uuid(BUYER, winner.buyer), "posted", -charge));
    legs.push((uuid(SELLER, call.seller), "posted", earned));
    if fee != 0 {
        legs.push(("platform:revenue".to_owned(), "posted", fee));
    }
    legs
}

/// The legs of money that a buyer pays in.
pub(super) fn paid_in(account: String, amount: Money) -> Vec<(String, &'static str, Money)> {
    vec![(account, "posted", amount), ("platform:cash".to_owned(), "posted", -amount)]
}

pub(super) fn uuid(prefix: UuidPrefix, index: u64) -> String {
    let mut out = String::with_capacity(36);
    push_uuid(&mut out, prefix, index);
    out
}

pub(super) fn time(ms: i64) -> String {
    let mut out = String::with_capacity(24);
    push_time(&mut out, ms);
    out
}
