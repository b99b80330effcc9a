//! What follows from events, computed from the beginning: the rules of the brief, §5, one by one.
//!
//! Nothing here is incremental and nothing is shared with what ingests events: it is the model that
//! a store is held against. A row is its cells with `|` between them: ids as hexadecimal digits,
//! amounts as decimal ones, an order as `block.log`, what is absent as nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::event::{Body, ChainEvent, Stake, counter_term};
use super::keccak::Id;
use super::wide::mul_div_round;
use super::{Address, ONE, hex};

type Deployment = (u64, Address);
type TermKey = (Deployment, Id);
type VaultKey = (Deployment, Id, u128);
type PositionKey = (Deployment, Address, Id, u128);
type PairKey = (Deployment, Id, Id);
type Order = (u64, u32);

/// The derived tables, each a sorted list of rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tables {
    /// chain, address, term, creator, wallet, data.
    pub atoms: Vec<String>,
    /// chain, address, term, creator, subject, predicate, object, counter term.
    pub triples: Vec<String>,
    /// chain, address, account, term, curve, shares, deposits after fees, redeems, orders of the
    /// last event, deposit and redeem, first and last block time in seconds.
    pub positions: Vec<String>,
    /// chain, address, term, curve, price, shares, assets, order of the price, market cap,
    /// positions.
    pub vaults: Vec<String>,
    /// chain, address, term, type, is counter, pro term, assets, market cap.
    pub terms: Vec<String>,
    /// chain, address, triple, counter, curve, shares, assets, positions, market cap.
    pub triple_vaults: Vec<String>,
    /// chain, address, triple, counter, assets, market cap, positions.
    pub triple_terms: Vec<String>,
    /// chain, address, predicate, object, triples, positions, market cap.
    pub predicate_objects: Vec<String>,
    /// chain, address, subject, predicate, triples, positions, market cap.
    pub subject_predicates: Vec<String>,
}

#[derive(Debug, Default, Clone)]
struct Position {
    last: Option<(Order, u128)>,
    deposits: u128,
    redeems: u128,
    last_deposit: Option<Order>,
    last_redeem: Option<Order>,
    times: Option<(u64, u64)>,
}

#[derive(Debug, Default, Clone)]
struct Vault {
    last: Option<(Order, [u128; 3])>,
    holders: u64,
}

impl Vault {
    /// Price, shares, assets; zeros before the first price.
    fn values(&self) -> [u128; 3] {
        self.last.map_or([0; 3], |(_, values)| values)
    }

    fn cap(&self) -> u128 {
        let [price, shares, _] = self.values();
        mul_div_round(shares, price, ONE)
    }
}

/// What is summed over vaults.
#[derive(Debug, Default, Clone, Copy)]
struct Sum {
    vaults: u64,
    triples: u64,
    shares: u128,
    assets: u128,
    holders: u64,
    cap: u128,
}

impl Sum {
    fn add(&mut self, vault: &Vault) {
        let [_, shares, assets] = vault.values();
        self.vaults += 1;
        self.shares += shares;
        self.assets += assets;
        self.holders += vault.holders;
        self.cap += vault.cap();
    }
}

/// The creation of a term, and when.
type Latest<T> = BTreeMap<TermKey, (Order, T)>;

#[derive(Debug, Default)]
struct Facts {
    atoms: Latest<(Address, Address, Vec<u8>)>,
    triples: Latest<(Address, [Id; 3])>,
    positions: BTreeMap<PositionKey, Position>,
    vaults: BTreeMap<VaultKey, Vault>,
}

impl Tables {
    /// The tables that live events give, in whatever order they stand; each event once.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a ChainEvent>) -> Self {
        let mut facts = Facts::default();
        for event in events {
            facts.take(event);
        }
        facts.count_holders();
        facts.tables()
    }

    /// The tables with their names.
    #[must_use]
    pub fn named(&self) -> [(&'static str, &[String]); 9] {
        [
            ("atoms", &self.atoms),
            ("triples", &self.triples),
            ("positions", &self.positions),
            ("vaults", &self.vaults),
            ("terms", &self.terms),
            ("triple_vaults", &self.triple_vaults),
            ("triple_terms", &self.triple_terms),
            ("predicate_objects", &self.predicate_objects),
            ("subject_predicates", &self.subject_predicates),
        ]
    }

    /// Keys stand in the order of their bytes; rows in that of their text.
    fn sort(&mut self) {
        self.atoms.sort_unstable();
        self.triples.sort_unstable();
        self.positions.sort_unstable();
        self.vaults.sort_unstable();
        self.terms.sort_unstable();
        self.triple_vaults.sort_unstable();
        self.triple_terms.sort_unstable();
        self.predicate_objects.sort_unstable();
        self.subject_predicates.sort_unstable();
    }
}

impl Facts {
    fn take(&mut self, event: &ChainEvent) {
        let deployment = (event.place.chain_id, event.place.address);
        let order = event.order();
        match &event.body {
            Body::AtomCreated { term, creator, wallet, data } => {
                let value = (*creator, *wallet, data.clone());
                keep_latest(&mut self.atoms, (deployment, *term), order, value);
            }
            Body::TripleCreated { term, creator, parts } => {
                keep_latest(&mut self.triples, (deployment, *term), order, (*creator, *parts));
            }
            Body::Deposited(stake) => {
                let position = self.stake(event, stake);
                position.deposits += stake.after_or_fees;
                position.last_deposit = position.last_deposit.max(Some(order));
            }
            Body::Redeemed(stake) => {
                let position = self.stake(event, stake);
                position.redeems += stake.assets;
                position.last_redeem = position.last_redeem.max(Some(order));
            }
            Body::SharePriceChanged { vault, price, assets, shares } => {
                let vault = self.vaults.entry((deployment, vault.term, vault.curve)).or_default();
                if vault.last.is_none_or(|(known, _)| known < order) {
                    vault.last = Some((order, [*price, *shares, *assets]));
                }
            }
        }
    }

    fn stake(&mut self, event: &ChainEvent, stake: &Stake) -> &mut Position {
        let deployment = (event.place.chain_id, event.place.address);
        let (term, curve) = (stake.vault.term, stake.vault.curve);
        self.vaults.entry((deployment, term, curve)).or_default();
        let key = (deployment, stake.receiver, term, curve);
        let position = self.positions.entry(key).or_default();
        if position.last.is_none_or(|(known, _)| known < event.order()) {
            position.last = Some((event.order(), stake.total_shares));
        }
        let time = event.place.block_time;
        let (first, last) = position.times.unwrap_or((time, time));
        position.times = Some((first.min(time), last.max(time)));
        position
    }

    fn count_holders(&mut self) {
        for ((deployment, _, term, curve), position) in &self.positions {
            if position.last.is_some_and(|(_, shares)| shares > 0) {
                self.vaults.entry((*deployment, *term, *curve)).or_default().holders += 1;
            }
        }
    }

    fn tables(&self) -> Tables {
        let mut out = Tables { terms: self.terms(), ..Tables::default() };
        for ((deployment, term), (_, (creator, wallet, data))) in &self.atoms {
            let cells = [hex(term), hex(creator), hex(wallet), hex(data)];
            out.atoms.push(row(deployment, &cells));
        }
        for ((deployment, term), (_, (creator, [subject, predicate, object]))) in &self.triples {
            let counter = counter_term(term);
            let ids = [subject, predicate, object, &counter].map(|id| hex(id));
            let mut cells = vec![hex(term), hex(creator)];
            cells.extend(ids);
            out.triples.push(row(deployment, &cells));
        }
        for ((deployment, account, term, curve), position) in &self.positions {
            let (first, last) = position.times.unwrap_or_default();
            let cells = [
                hex(account),
                hex(term),
                curve.to_string(),
                position.last.map_or(0, |(_, shares)| shares).to_string(),
                position.deposits.to_string(),
                position.redeems.to_string(),
                place(position.last.map(|(order, _)| order)),
                place(position.last_deposit),
                place(position.last_redeem),
                first.to_string(),
                last.to_string(),
            ];
            out.positions.push(row(deployment, &cells));
        }
        for ((deployment, term, curve), vault) in &self.vaults {
            let [price, shares, assets] = vault.values();
            let cells = [
                hex(term),
                curve.to_string(),
                price.to_string(),
                shares.to_string(),
                assets.to_string(),
                place(vault.last.map(|(order, _)| order)),
                vault.cap().to_string(),
                vault.holders.to_string(),
            ];
            out.vaults.push(row(deployment, &cells));
        }
        self.triple_tables(&mut out);
        out.sort();
        out
    }

    fn terms(&self) -> Vec<String> {
        let mut sums = BTreeMap::<TermKey, Sum>::new();
        for ((deployment, term, _), vault) in &self.vaults {
            sums.entry((*deployment, *term)).or_default().add(vault);
        }
        let mut counters = BTreeMap::<TermKey, Id>::new();
        for (deployment, term) in self.triples.keys() {
            counters.insert((*deployment, counter_term(term)), *term);
        }
        let all: BTreeSet<&TermKey> = sums
            .keys()
            .chain(self.atoms.keys())
            .chain(self.triples.keys())
            .chain(counters.keys())
            .collect();
        let line = |key: &TermKey| {
            let sum = sums.get(key).copied().unwrap_or_default();
            let pro = counters.get(key).map(|id| hex(id)).unwrap_or_default();
            let kind = if self.atoms.contains_key(key) {
                "Atom"
            } else if self.triples.contains_key(key) || counters.contains_key(key) {
                "Triple"
            } else {
                "Unknown"
            };
            let cells = [
                hex(&key.1),
                kind.to_owned(),
                counters.contains_key(key).to_string(),
                pro,
                sum.assets.to_string(),
                sum.cap.to_string(),
            ];
            row(&key.0, &cells)
        };
        all.into_iter().map(line).collect()
    }

    /// Rankings sum the triples' own vaults, never those of their parts.
    fn triple_tables(&self, out: &mut Tables) {
        let mut by_object = BTreeMap::<PairKey, Sum>::new();
        let mut by_subject = BTreeMap::<PairKey, Sum>::new();
        for ((deployment, term), (_, (_, [subject, predicate, object]))) in &self.triples {
            let counter = counter_term(term);
            let sides = [*term, counter];
            let mut curves = BTreeMap::<u128, Sum>::new();
            let mut total = Sum { triples: 1, ..Sum::default() };
            for side in sides {
                let from = (*deployment, side, 0);
                let to = (*deployment, side, u128::MAX);
                for ((_, _, curve), vault) in self.vaults.range(from..=to) {
                    curves.entry(*curve).or_default().add(vault);
                    total.add(vault);
                }
            }
            for (curve, sum) in curves {
                let cells = [
                    hex(term),
                    hex(&counter),
                    curve.to_string(),
                    sum.shares.to_string(),
                    sum.assets.to_string(),
                    sum.holders.to_string(),
                    sum.cap.to_string(),
                ];
                out.triple_vaults.push(row(deployment, &cells));
            }
            if total.vaults > 0 {
                let sums = [total.assets, total.cap, u128::from(total.holders)];
                let mut cells = vec![hex(term), hex(&counter)];
                cells.extend(sums.map(|sum| sum.to_string()));
                out.triple_terms.push(row(deployment, &cells));
            }
            add(by_object.entry((*deployment, *predicate, *object)).or_default(), &total);
            add(by_subject.entry((*deployment, *subject, *predicate)).or_default(), &total);
        }
        out.predicate_objects = by_object.iter().map(pair_row).collect();
        out.subject_predicates = by_subject.iter().map(pair_row).collect();
    }
}

fn keep_latest<T>(map: &mut Latest<T>, key: TermKey, order: Order, value: T) {
    if map.get(&key).is_none_or(|(known, _)| *known < order) {
        map.insert(key, (order, value));
    }
}

fn add(sum: &mut Sum, more: &Sum) {
    sum.triples += more.triples;
    sum.holders += more.holders;
    sum.cap += more.cap;
}

fn pair_row((key, sum): (&PairKey, &Sum)) -> String {
    let cells = [
        hex(&key.1),
        hex(&key.2),
        sum.triples.to_string(),
        sum.holders.to_string(),
        sum.cap.to_string(),
    ];
    row(&key.0, &cells)
}

fn place(order: Option<Order>) -> String {
    order.map(|(block, log)| format!("{block}.{log}")).unwrap_or_default()
}

fn row((chain, address): &Deployment, cells: &[String]) -> String {
    format!("{chain}|{}|{}", hex(address), cells.join("|"))
}
