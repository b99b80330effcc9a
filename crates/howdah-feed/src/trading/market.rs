//! Exchanges, symbols and the course of their prices, counted in ticks and lots.

use crate::dice::{Dice, hashed};
use crate::timeline::Moment;

/// Codes, names and shares of trades (per cent) of the exchanges.
pub(super) const EXCHANGES: [(&str, &str, u64); 5] = [
    ("binance", "Binance", 60),
    ("coinbase", "Coinbase", 15),
    ("kraken", "Kraken", 15),
    ("bybit", "Bybit", 6),
    ("okx", "OKX", 4),
];

/// The currency that every symbol is quoted in.
pub(super) const QUOTE: &str = "USDT";

/// Of a thousand trades within the burst, those of the two largest symbols on the first exchange.
const BURST_SHARE: u64 = 904;

/// Base, scale of a tick, price in ticks, scale of a lot, usual quantity in lots.
type Major = (&'static str, u32, i64, u32, u64);

/// The twenty symbols that make 85 % of the trades, by rank.
const MAJORS: [Major; 20] = [
    ("BTC", 2, 10_821_437, 5, 400),
    ("ETH", 2, 392_144, 4, 1_200),
    ("SOL", 2, 18_652, 3, 2_000),
    ("XRP", 4, 24_215, 1, 900),
    ("BNB", 2, 108_040, 3, 150),
    ("DOGE", 5, 18_914, 0, 1_500),
    ("ADA", 4, 6_418, 1, 3_000),
    ("TRX", 4, 3_112, 1, 5_000),
    ("LINK", 3, 17_245, 2, 1_000),
    ("AVAX", 3, 20_115, 2, 800),
    ("SHIB", 8, 1_004, 0, 4_000_000),
    ("PEPE", 8, 712, 0, 9_000_000),
    ("LTC", 2, 9_218, 3, 900),
    ("DOT", 3, 2_996, 2, 3_000),
    ("UNI", 3, 6_104, 2, 1_500),
    ("NEAR", 3, 2_287, 1, 400),
    ("APT", 3, 3_214, 2, 2_000),
    ("SUI", 4, 25_061, 1, 600),
    ("ARB", 4, 3_127, 1, 2_500),
    ("OP", 4, 4_402, 1, 1_800),
];

/// A symbol, the same on every exchange.
#[derive(Debug)]
pub(super) struct Listing {
    /// What is traded: BTC.
    pub(super) base: String,
    /// The pair: BTC/USDT.
    pub(super) symbol: String,
    /// Decimal places of the price; one tick is the last of them.
    pub(super) tick_scale: u32,
    /// The price, in ticks, around which it moves.
    pub(super) ticks: i64,
    /// Decimal places of the quantity; one lot is the last of them.
    pub(super) lot_scale: u32,
    /// A usual quantity, in lots.
    pub(super) lots: u64,
}

/// The symbols by rank; those beyond the twentieth are invented.
pub(super) fn listings(count: u32) -> Vec<Listing> {
    (0..count as usize)
        .map(|rank| {
            let invented = format!("TK{rank:03}");
            let (base, tick_scale, ticks, lot_scale, lots) = MAJORS.get(rank).map_or_else(
                || {
                    let index = rank as u64;
                    let ticks = 1_000 + hashed(index, 90_000) as i64;
                    let lots = 200 + hashed(index + 1_000_000, 5_000);
                    (invented.as_str(), 2 + hashed(index, 5) as u32, ticks, 1, lots)
                },
                |major| (major.0, major.1, major.2, major.3, major.4),
            );
            Listing {
                base: base.to_owned(),
                symbol: format!("{base}/{QUOTE}"),
                tick_scale,
                ticks,
                lot_scale,
                lots,
            }
        })
        .collect()
}

/// The exchange of a number from 0 to 99.
pub(super) fn exchange_of_share(per_cent: u64) -> usize {
    let mut sum = 0;
    EXCHANGES
        .iter()
        .position(|exchange| {
            sum += exchange.2;
            per_cent < sum
        })
        .unwrap_or(0)
}

/// A trade, before anybody writes it down.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deal {
    pub(super) ms: i64,
    /// Index of [`EXCHANGES`].
    pub(super) exchange: usize,
    /// Index of the listings.
    pub(super) listing: usize,
    pub(super) trade_id: u64,
    pub(super) ticks: i64,
    pub(super) lots: u64,
    /// Whether the taker bought.
    pub(super) bought: bool,
}

/// All pairs of exchange and symbol, their prices and their trade numbers.
#[derive(Debug)]
pub(super) struct Market {
    pub(super) listings: Vec<Listing>,
    /// Running sums of the symbols' weights.
    weights: Vec<u64>,
    /// The middle of the book of each symbol, in ticks.
    middles: Vec<i64>,
    /// The last trade number of each exchange and symbol.
    trade_ids: Vec<u64>,
}

impl Market {
    /// A market of so many symbols, at their starting prices.
    pub(super) fn new(symbols: u32) -> Self {
        let listings = listings(symbols);
        let pairs = (listings.len() * EXCHANGES.len()) as u64;
        Self {
            weights: weights(listings.len()),
            middles: listings.iter().map(|listing| listing.ticks).collect(),
            trade_ids: (0..pairs).map(|pair| 1_000 * hashed(pair, 5_000_000)).collect(),
            listings,
        }
    }

    /// The next trade.
    pub(super) fn trade(&mut self, moment: Moment, dice: &mut Dice) -> Deal {
        let (exchange, listing) = self.place(moment, dice);
        let pair = exchange * self.listings.len() + listing;
        self.trade_ids[pair] += 1;
        let bought = dice.below(2) == 0;
        let ticks = self.price(listing, bought, moment.burst, dice);
        // Sizes double with every head of a coin: most are small, a few are a thousandfold.
        let widest = self.listings[listing].lots << dice.heads().min(10);
        Deal {
            ms: moment.ms,
            exchange,
            listing,
            trade_id: self.trade_ids[pair],
            ticks,
            lots: 1 + dice.below(widest / 2),
            bought,
        }
    }

    fn place(&self, moment: Moment, dice: &mut Dice) -> (usize, usize) {
        if moment.burst && dice.below(1_000) < BURST_SHARE {
            return (0, usize::from(dice.below(5) < 2));
        }
        (exchange_of_share(dice.below(100)), dice.pick(&self.weights))
    }

    /// Moves the symbol's price and gives that of a trade on one side of it. It sinks in the burst,
    /// and never leaves half to double of where it began, so that it never reaches zero.
    fn price(&mut self, listing: usize, bought: bool, burst: bool, dice: &mut Dice) -> i64 {
        let begun = self.listings[listing].ticks;
        // Dear symbols have fine ticks: a step is a 20,000th of the price, and a tick at least.
        let stride = (begun / 20_000).max(1);
        let sink = i64::from(burst && dice.below(8) == 0);
        let step = (dice.below(5) as i64 - 2 - sink) * stride + dice.below(3) as i64 - 1;
        let middle = (self.middles[listing] + step).clamp(begun / 2 + 4, begun * 2);
        self.middles[listing] = middle;
        let distance = dice.below(3) as i64;
        if bought { middle + distance } else { middle - distance }
    }
}

/// Running sums of the weights of so many symbols: 33 % and 22 % for the first two, 30 % for the
/// next eighteen, 15 % for the tail, each part by Zipf's law.
fn weights(count: usize) -> Vec<u64> {
    const WHOLE: f64 = 1e12;
    let sum = |ranks: std::ops::Range<usize>| ranks.map(zipf).sum::<f64>();
    let (middle, tail) = (sum(2..count.min(20)), sum(20..count.max(20)));
    let mut total = 0_u64;
    (0..count)
        .map(|rank| {
            let share = match rank {
                0 => 0.33,
                1 => 0.22,
                2..20 => 0.30 * zipf(rank) / middle,
                _ => 0.15 * zipf(rank) / tail,
            };
            total += (share * WHOLE) as u64;
            total
        })
        .collect()
}

/// Zipf's weight of a rank counted from 0, with the exponent 1 + 13/256 ≈ 1.05: that power is had
/// by square roots, which every machine rounds alike, where `powf` may differ in its last digit.
fn zipf(rank: usize) -> f64 {
    let place = (rank + 1) as f64;
    let root = (0..8).fold(place, |root: f64, _| root.sqrt());
    1.0 / (place * root.powi(13))
}
