//! The feed of the trading system: market trades (S1), fills (S5), portfolio snapshots (S10).
//!
//! A fill is one side of the trade before it, so its number, price and time are those of a trade
//! of the market. Rates, skew and faults are those of the brief, §3 and §8.

mod entities;
mod market;
mod messages;
mod people;

use crate::arrival::Maker;
use crate::dice::Dice;
use crate::expected::Broken;
use crate::timeline::Moment;
use crate::{Event, Options};

pub(crate) use entities::entities_sql;
use market::{Deal, Market};
use messages::{Fill, Snapshot};
use people::People;

const HOUR_MS: i64 = 3_600_000;
/// Per 100,000 events, by the rates of the brief: 10 M trades, 1.2 M fills, 50 k snapshots a day.
const FILLS: u64 = 10_650;
const SNAPSHOTS: u64 = 450;
/// Far enough that a feed kept in a file stays in the future.
const FAR_MS: i64 = 10 * 366 * 24 * HOUR_MS;

const BROKEN_TRADES: [Broken; 5] = [
    Broken::MissingKey,
    Broken::MissingTime,
    Broken::NegativeSize,
    Broken::Malformed,
    Broken::FarFuture,
];
const BROKEN_FILLS: [Broken; 6] = [
    Broken::MissingKey,
    Broken::MissingTime,
    Broken::NegativeSize,
    Broken::Malformed,
    Broken::FarFuture,
    Broken::UnknownTenant,
];
const BROKEN_SNAPSHOTS: [Broken; 5] = [
    Broken::MissingKey,
    Broken::MissingTime,
    Broken::Malformed,
    Broken::FarFuture,
    Broken::UnknownTenant,
];

/// The course of the markets and of the people who trade on them.
#[derive(Debug)]
pub(crate) struct Trading {
    dice: Dice,
    far_ms: i64,
    market: Market,
    people: People,
    /// The order that each user is filling.
    orders: Vec<Order>,
    /// What each user owns.
    portfolios: Vec<Portfolio>,
    /// The last trade, until a fill takes it.
    last_deal: Option<Deal>,
}

/// The order that a user is filling: one symbol, one side.
#[derive(Debug, Clone, Copy, Default)]
struct Order {
    number: u64,
    listing: usize,
    bought: bool,
}

/// A user's portfolio in cents.
#[derive(Debug, Clone, Copy)]
struct Portfolio {
    hour_ms: i64,
    rev: u64,
    cash: i64,
    positions: i64,
    unrealised: i64,
}

impl Trading {
    pub(crate) fn new(options: &Options) -> Self {
        let people = People::new(options.tenants);
        let mut dice = Dice::new(options.seed, 2);
        let portfolios = (0..people.count())
            .map(|_| Portfolio {
                hour_ms: i64::MIN,
                rev: 0,
                cash: 50_000 + dice.below(5_000_000) as i64,
                positions: 50_000 + dice.below(8_000_000) as i64,
                unrealised: 0,
            })
            .collect();
        Self {
            dice,
            far_ms: options.until_ms + FAR_MS,
            market: Market::new(options.symbols),
            orders: vec![Order::default(); people.count()],
            portfolios,
            people,
            last_deal: None,
        }
    }

    fn one_of(&mut self, kinds: &[Broken]) -> Broken {
        kinds[self.dice.below(kinds.len() as u64) as usize]
    }

    fn faulty_time(&self, ms: i64, kind: Broken) -> i64 {
        if kind == Broken::FarFuture { self.far_ms } else { ms }
    }

    fn trade(&mut self, moment: Moment) -> Event {
        let deal = self.market.trade(moment, &mut self.dice);
        self.last_deal = Some(deal);
        messages::trade(&self.market, &deal, None)
    }

    /// A user's side of the last trade; none when it has been taken already, so that order and
    /// trade always name one fill.
    fn fill(&mut self) -> Option<Fill> {
        let deal = self.last_deal?;
        let user = self.people.trader_on(deal.exchange, &mut self.dice)?;
        self.last_deal = None;
        let maker = self.dice.below(100) < 40;
        let bought = deal.bought != maker;
        let order = &mut self.orders[user as usize];
        let other = (order.listing, order.bought) != (deal.listing, bought);
        if other || order.number == 0 || self.dice.below(2) == 0 {
            *order = Order { number: order.number + 1, listing: deal.listing, bought };
        }
        Some(Fill {
            deal: Deal { lots: (deal.lots >> self.dice.below(3)).max(1), bought, ..deal },
            user,
            order: order.number,
            maker,
            fee_in_base: bought && self.dice.below(10) == 0,
        })
    }

    /// A user's portfolio at the hour; the same hour again is a later revision.
    fn snapshot(&mut self, ms: i64) -> Snapshot {
        let user = self.people.anyone(&mut self.dice);
        let portfolio = &mut self.portfolios[user as usize];
        let hour_ms = ms - ms.rem_euclid(HOUR_MS);
        let again = portfolio.hour_ms == hour_ms;
        portfolio.rev = if again { portfolio.rev + 1 } else { 0 };
        portfolio.hour_ms = hour_ms;
        // A value moves by up to half a per cent, and one hour in fifty money comes or goes.
        let swing = portfolio.positions / 100;
        let change = self.dice.below(swing.unsigned_abs() + 1) as i64 - swing / 2;
        portfolio.positions = (portfolio.positions + change).max(0);
        portfolio.unrealised += change;
        let flow = if !again && self.dice.below(50) == 0 {
            self.dice.below(400_000) as i64 - portfolio.cash.min(200_000)
        } else {
            0
        };
        portfolio.cash += flow;
        Snapshot {
            user,
            hour_ms,
            rev: portfolio.rev,
            cash: portfolio.cash,
            positions: portfolio.positions,
            unrealised: portfolio.unrealised,
            net_flow: flow,
        }
    }
}

impl Maker for Trading {
    /// The next event, as it should be.
    fn event(&mut self, moment: Moment) -> Event {
        match self.dice.below(100_000) {
            point if point < SNAPSHOTS => self.snapshot(moment.ms).event(&self.people, None),
            point if point < SNAPSHOTS + FILLS => match self.fill() {
                Some(fill) => fill.event(&self.market, &self.people, None),
                None => self.trade(moment),
            },
            _ => self.trade(moment),
        }
    }

    /// The next event, broken in some way.
    fn broken(&mut self, moment: Moment) -> (Event, Broken) {
        let point = self.dice.below(10);
        if point == 0 {
            let kind = self.one_of(&BROKEN_SNAPSHOTS);
            let mut snapshot = self.snapshot(moment.ms);
            snapshot.hour_ms = self.faulty_time(snapshot.hour_ms, kind);
            return (snapshot.event(&self.people, Some(kind)), kind);
        }
        if point < 4
            && let Some(mut fill) = self.fill()
        {
            let kind = self.one_of(&BROKEN_FILLS);
            fill.deal.ms = self.faulty_time(fill.deal.ms, kind);
            return (fill.event(&self.market, &self.people, Some(kind)), kind);
        }
        let kind = self.one_of(&BROKEN_TRADES);
        let mut deal = self.market.trade(moment, &mut self.dice);
        deal.ms = self.faulty_time(deal.ms, kind);
        (messages::trade(&self.market, &deal, Some(kind)), kind)
    }
}
