//! Trades, fills and snapshots as messages, whole or broken; fields as in the brief, §3.

use crate::Event;
use crate::expected::Broken;
use crate::json::Object;
use crate::trading::market::{Deal, EXCHANGES, Market, QUOTE};
use crate::trading::people::{CONNECTION, ORDER, People, STRANGER, TENANT, USER};

/// Messages are cut here when they are malformed: within the first field's value.
const CUT: usize = 20;
/// A message is somewhat shorter than this, so that its text is allocated once.
const TRADE_BYTES: usize = 256;
const FILL_BYTES: usize = 576;
/// Orders of one user are told apart by the last 24 of the 48 bits that a uuid counts with.
const ORDERS_PER_USER: u64 = 1 << 24;

/// A user's side of a trade.
#[derive(Debug)]
pub(super) struct Fill {
    /// The trade, with the user's side and quantity.
    pub(super) deal: Deal,
    pub(super) user: u32,
    /// The user's order, counted from 1.
    pub(super) order: u64,
    pub(super) maker: bool,
    /// Whether the fee was taken out of what was bought.
    pub(super) fee_in_base: bool,
}

/// A user's portfolio at an hour, in cents.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) user: u32,
    pub(super) hour_ms: i64,
    pub(super) rev: u64,
    pub(super) cash: i64,
    pub(super) positions: i64,
    pub(super) unrealised: i64,
    pub(super) net_flow: i64,
}

/// The message of a trade.
pub(super) fn trade(market: &Market, deal: &Deal, broken: Option<Broken>) -> Event {
    let mut json = Object::with_capacity(TRADE_BYTES);
    execution(&mut json, market, deal, broken);
    json.text("source", "ws");
    event("trades", json, broken)
}

impl Fill {
    /// The message of a fill.
    pub(super) fn event(&self, market: &Market, people: &People, broken: Option<Broken>) -> Event {
        let mut json = Object::with_capacity(FILL_BYTES);
        execution(&mut json, market, &self.deal, broken);
        tenant(&mut json, people, self.user, broken);
        json.uuid("user_id", USER, u64::from(self.user));
        json.uuid("connection_id", CONNECTION, u64::from(self.user));
        json.uuid("order_id", ORDER, u64::from(self.user) * ORDERS_PER_USER + self.order);
        self.fee(&mut json, market);
        json.text("liquidity", if self.maker { "maker" } else { "taker" });
        event("fills", json, broken)
    }

    /// 0.1 % for takers, 0.08 % for makers, of the quantity or of the cost.
    fn fee(&self, json: &mut Object, market: &Market) {
        let listing = &market.listings[self.deal.listing];
        let (rate, rate_scale) = if self.maker { (8, 4) } else { (1, 3) };
        let lots = self.deal.lots as i64;
        let in_quote = lots * self.deal.ticks * rate;
        let quote_scale = listing.lot_scale + listing.tick_scale + rate_scale;
        if self.fee_in_base {
            json.decimal("fee_amount", lots * rate, listing.lot_scale + rate_scale);
            json.text("fee_currency", &listing.base);
        } else {
            json.decimal("fee_amount", in_quote, quote_scale);
            json.text("fee_currency", QUOTE);
        }
        json.decimal("fee_quote", in_quote, quote_scale);
    }
}

impl Snapshot {
    /// The message of a snapshot.
    pub(super) fn event(&self, people: &People, broken: Option<Broken>) -> Event {
        let mut json = Object::with_capacity(FILL_BYTES);
        if broken != Some(Broken::MissingTime) {
            json.time("event_time", self.hour_ms);
        }
        tenant(&mut json, people, self.user, broken);
        if broken != Some(Broken::MissingKey) {
            json.uuid("user_id", USER, u64::from(self.user));
        }
        json.decimal("total_value", self.cash + self.positions, 2);
        json.decimal("cash", self.cash, 2);
        json.decimal("positions_value", self.positions, 2);
        json.decimal("unrealised", self.unrealised, 2);
        json.decimal("net_flow", self.net_flow, 2);
        json.number("rev", self.rev);
        event("portfolio_snapshots", json, broken)
    }
}

/// The fields that trades and fills share.
fn execution(json: &mut Object, market: &Market, deal: &Deal, broken: Option<Broken>) {
    let listing = &market.listings[deal.listing];
    let lots = deal.lots as i64;
    if broken != Some(Broken::MissingTime) {
        json.time("event_time", deal.ms);
    }
    json.text("exchange", EXCHANGES[deal.exchange].0);
    json.text("symbol", &listing.symbol);
    if broken != Some(Broken::MissingKey) {
        json.quoted_number("trade_id", deal.trade_id);
    }
    json.decimal("price", deal.ticks, listing.tick_scale);
    let signed = if broken == Some(Broken::NegativeSize) { -lots } else { lots };
    json.decimal("amount", signed, listing.lot_scale);
    json.decimal("cost", lots * deal.ticks, listing.lot_scale + listing.tick_scale);
    json.text("side", if deal.bought { "buy" } else { "sell" });
}

fn tenant(json: &mut Object, people: &People, user: u32, broken: Option<Broken>) {
    let known = broken != Some(Broken::UnknownTenant);
    let prefix = if known { TENANT } else { STRANGER };
    json.uuid("tenant_id", prefix, u64::from(people.tenant_of(user)));
}

fn event(stream: &'static str, json: Object, broken: Option<Broken>) -> Event {
    let mut json = json.finish();
    if broken == Some(Broken::Malformed) {
        json.truncate(CUT);
    }
    Event::one(stream, json)
}
