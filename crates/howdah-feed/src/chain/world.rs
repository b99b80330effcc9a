//! A chain with the contract on it: who creates and stakes what, and the events that follow.
//!
//! The contract's arithmetic is a linear curve: shares are minted and burnt at the present price,
//! fees stay in vaults and raise it. What it emits, and in what order, is that of the brief, §3.

use std::collections::{HashMap, VecDeque};

use super::event::{Body, ChainEvent, Place, Stake, VaultId, VaultKind};
use super::event::{atom_id, counter_term, triple_id};
use super::keccak::{Id, keccak256};
use super::profile::Profile;
use super::wide::mul_div;
use super::{Address, CHAIN_ID, CONTRACT, MINIMUM_SHARE, ONE};
use crate::dice::{Dice, hashed};

/// Predicates carry all triples; so many atoms are made before anything else.
const PREDICATES: usize = 10;
/// The chain is undone at most so many blocks deep.
const MEMORY_BLOCKS: usize = 64;
/// The first block of a feed.
const FIRST_BLOCK: u64 = 1_900_000;

#[derive(Debug, Clone, Copy)]
struct Vault {
    assets: u128,
    shares: u128,
}

#[derive(Debug, Clone, Copy)]
struct Triple {
    id: Id,
    counter: Id,
    parts: [Id; 3],
}

type PositionId = (u32, VaultId);

/// How something was before a block changed it.
#[derive(Debug, Clone, Copy)]
enum Undo {
    Vault(VaultId, Option<Vault>),
    Position(PositionId, u128),
    Atom,
    Triple,
}

/// The state of the contract, and of the block that is being made.
#[derive(Debug)]
pub(super) struct World {
    dice: Dice,
    seed: u64,
    profile: Profile,
    /// Running sums of 1/rank, for Zipf's law with exponent 1.
    zipf: Vec<u64>,
    atoms: Vec<Id>,
    triples: Vec<Triple>,
    vaults: HashMap<VaultId, Vault>,
    positions: HashMap<PositionId, u128>,
    addresses: Vec<Address>,
    made_atoms: u64,
    place: Place,
    /// How often the chain has been reorganised: a block made again has another hash.
    forks: u64,
    undo: VecDeque<(u64, Vec<Undo>)>,
    events: Vec<ChainEvent>,
}

impl World {
    pub(super) fn new(seed: u64, profile: Profile) -> Self {
        let mut sum = 0;
        let zipf = (1..=10_000_u64).map(|rank| {
            sum += 1_000_000_000 / rank;
            sum
        });
        let addresses =
            (0..profile.accounts).map(|index| address_of(&scattered(seed, u64::from(index))));
        let place = Place {
            chain_id: CHAIN_ID,
            address: CONTRACT,
            block_number: FIRST_BLOCK,
            block_hash: [0; 32],
            block_time: 0,
            transaction_hash: [0; 32],
            transaction_index: 0,
            log_index: 0,
        };
        Self {
            dice: Dice::new(seed, 11),
            seed,
            profile,
            zipf: zipf.collect(),
            atoms: Vec::new(),
            triples: Vec::new(),
            vaults: HashMap::new(),
            positions: HashMap::new(),
            addresses: addresses.collect(),
            made_atoms: 0,
            place,
            forks: 0,
            undo: VecDeque::new(),
            events: Vec::new(),
        }
    }

    pub(super) fn block_number(&self) -> u64 {
        self.place.block_number
    }

    /// Begins the next block, at `time` in seconds since 1970.
    pub(super) fn begin_block(&mut self, time: u64) {
        let number = self.place.block_number + 1 + self.dice.below(3);
        self.place.block_number = number;
        self.place.block_time = time.max(self.place.block_time);
        self.place.block_hash = scattered(self.seed + self.forks, number);
        self.place.transaction_index = 0;
        self.place.log_index = 0;
        self.undo.push_back((number, Vec::new()));
        if self.undo.len() > MEMORY_BLOCKS {
            self.undo.pop_front();
        }
    }

    /// Undoes the last `depth` blocks with events; gives the first block that is no longer there.
    pub(super) fn reorganise(&mut self, depth: u64) -> Option<u64> {
        let mut fork = None;
        for _ in 0..depth {
            let Some((number, undo)) = self.undo.pop_back() else { break };
            for change in undo.into_iter().rev() {
                self.undo_one(change);
            }
            fork = Some(number);
        }
        let fork = fork?;
        self.place.block_number = fork - 1;
        self.forks += 1;
        Some(fork)
    }

    fn undo_one(&mut self, change: Undo) {
        match change {
            Undo::Vault(id, Some(vault)) => {
                self.vaults.insert(id, vault);
            }
            Undo::Vault(id, None) => {
                self.vaults.remove(&id);
            }
            Undo::Position(id, shares) => {
                self.positions.insert(id, shares);
            }
            Undo::Atom => {
                self.atoms.pop();
            }
            Undo::Triple => {
                self.triples.pop();
            }
        }
    }

    /// One transaction: its events in their order.
    pub(super) fn transaction(&mut self) -> Vec<ChainEvent> {
        self.place.transaction_hash = self.place.block_hash;
        self.place.transaction_hash[0] ^= 1 + self.place.transaction_index as u8;
        if self.atoms.len() < self.profile.first_atoms.max(2 * PREDICATES) {
            self.create_atom();
        } else {
            match self.dice.below(10_000) {
                _ if self.profile.deposits_only => self.stake(),
                point if point < 138 => self.create_atom(),
                point if point < 138 + 1_100 => self.create_triple(),
                _ => self.stake(),
            }
        }
        self.place.transaction_index += 1;
        let mut events = std::mem::take(&mut self.events);
        if self.profile.deposits_only {
            events.retain(|event| matches!(event.body, Body::Deposited(_)));
        }
        events
    }

    fn emit(&mut self, body: Body) {
        // Other contracts log too.
        self.place.log_index += 1 + self.dice.below(4) as u32 / 3;
        self.events.push(ChainEvent { place: self.place.clone(), body });
    }

    fn remember(&mut self, change: Undo) {
        if let Some((_, undo)) = self.undo.back_mut() {
            undo.push(change);
        }
    }

    fn ranked(&mut self, of: usize) -> usize {
        self.dice.pick(&self.zipf[..of.clamp(1, self.zipf.len())])
    }

    fn account(&mut self) -> u32 {
        let of = self.addresses.len();
        if self.profile.uniform {
            return self.dice.below(of as u64) as u32;
        }
        self.ranked(of) as u32
    }

    fn create_atom(&mut self) {
        let creator = self.account();
        let data = format!("ipfs://{}/{}", self.seed, self.made_atoms).into_bytes();
        self.made_atoms += 1;
        let term = atom_id(&data);
        let wallet = address_of(&keccak256(&[b"wallet", &term]));
        self.atoms.push(term);
        self.remember(Undo::Atom);
        let vault = VaultId { term, curve: 1, kind: VaultKind::Atom };
        let stake = self.mint(creator, vault);
        let creator = self.addresses[creator as usize];
        self.emit(Body::AtomCreated { term, creator, wallet, data });
        self.emit(Body::Deposited(stake));
    }

    fn create_triple(&mut self) {
        // A statement can be made once; popular ones are soon taken.
        let free = (0..8).find_map(|_| {
            let parts = self.parts();
            let id = triple_id(&parts);
            let vault = VaultId { term: id, curve: 1, kind: VaultKind::Triple };
            (!self.vaults.contains_key(&vault)).then_some((parts, id, vault))
        });
        let Some((parts, id, vault)) = free else { return self.stake() };
        let counter = counter_term(&id);
        self.triples.push(Triple { id, counter, parts });
        self.remember(Undo::Triple);
        let creator = self.account();
        let stake = self.mint(creator, vault);
        for part in parts {
            self.pay_fee(part, stake.assets / 200);
        }
        let other = VaultId { term: counter, curve: 1, kind: VaultKind::CounterTriple };
        self.open(other);
        self.tell_price(other);
        let creator = self.addresses[creator as usize];
        self.emit(Body::TripleCreated { term: id, creator, parts });
        self.emit(Body::Deposited(stake));
    }

    /// Subject, predicate and object of a statement.
    fn parts(&mut self) -> [Id; 3] {
        let subject = self.dice.below(self.atoms.len() as u64) as usize;
        let (predicate, object) = if self.profile.hot && self.dice.below(100) < 80 {
            (0, PREDICATES)
        } else {
            (self.ranked(PREDICATES), self.ranked(self.atoms.len()))
        };
        [subject, predicate, object].map(|index| self.atoms[index])
    }

    fn stake(&mut self) {
        let account = self.account();
        let curve = if self.dice.below(10) == 0 { 2 } else { 1 };
        let on_triple = !self.triples.is_empty() && self.dice.below(100) < 25;
        if on_triple {
            let index = self.ranked(self.triples.len());
            let triple = self.triples[index];
            let pro = VaultId { term: triple.id, curve, kind: VaultKind::Triple };
            let counter = VaultId { term: triple.counter, curve, kind: VaultKind::CounterTriple };
            // Nobody holds both sides on one curve.
            let against = match (self.held(account, pro), self.held(account, counter)) {
                (0, 0) => self.dice.below(100) < 5,
                (0, _) => true,
                _ => false,
            };
            let vault = if against { counter } else { pro };
            self.act(account, vault, Some(triple.parts));
        } else {
            let hot = self.profile.hot && self.dice.below(100) < 66;
            let index = if hot { 0 } else { self.term() };
            let term = self.atoms[index];
            let vault = VaultId { term, curve, kind: VaultKind::Atom };
            self.act(account, vault, None);
        }
    }

    fn term(&mut self) -> usize {
        if self.profile.uniform {
            return self.dice.below(self.atoms.len() as u64) as usize;
        }
        self.ranked(self.atoms.len())
    }

    fn held(&self, account: u32, vault: VaultId) -> u128 {
        self.positions.get(&(account, vault)).copied().unwrap_or(0)
    }

    fn act(&mut self, account: u32, vault: VaultId, parts: Option<[Id; 3]>) {
        let held = self.held(account, vault);
        if held > 0 && !self.profile.deposits_only && self.dice.below(100) < 25 {
            let stake = self.burn(account, vault, held);
            return self.emit(Body::Redeemed(stake));
        }
        for part in parts.into_iter().flatten() {
            self.pay_fee(part, 500_000_000_000_000);
        }
        if self.dice.below(100) < 12 && self.vaults.contains_key(&vault) {
            self.add_assets(vault, 300_000_000_000_000);
            self.tell_price(vault);
        }
        let stake = self.mint(account, vault);
        self.emit(Body::Deposited(stake));
    }

    /// A fee of a triple goes into the vault of one of its parts.
    fn pay_fee(&mut self, term: Id, fee: u128) {
        let vault = VaultId { term, curve: 1, kind: VaultKind::Atom };
        self.add_assets(vault, fee);
        self.tell_price(vault);
    }

    fn add_assets(&mut self, id: VaultId, assets: u128) {
        let vault = self.open(id);
        self.set_vault(id, Vault { assets: vault.assets + assets, ..vault });
    }

    /// The vault, made with the minimum of shares when it is not there.
    fn open(&mut self, id: VaultId) -> Vault {
        if let Some(vault) = self.vaults.get(&id) {
            return *vault;
        }
        let vault = Vault { assets: MINIMUM_SHARE, shares: MINIMUM_SHARE };
        self.set_vault(id, vault);
        vault
    }

    fn set_vault(&mut self, id: VaultId, vault: Vault) {
        let before = self.vaults.insert(id, vault);
        self.remember(Undo::Vault(id, before));
    }

    fn set_position(&mut self, id: PositionId, shares: u128) {
        let before = self.positions.insert(id, shares).unwrap_or(0);
        self.remember(Undo::Position(id, before));
    }

    fn tell_price(&mut self, id: VaultId) {
        let Vault { assets, shares } = self.open(id);
        let price = mul_div(assets, ONE, shares);
        self.emit(Body::SharePriceChanged { vault: id, price, assets, shares });
    }

    /// A deposit of 0.01 to 10 into the vault, and its price.
    fn mint(&mut self, account: u32, id: VaultId) -> Stake {
        let zeros = self.dice.below(4) as u32;
        let digits = 1_000 + u128::from(self.dice.below(9_000));
        let assets = digits * 10_u128.pow(15) / 10_u128.pow(zeros);
        let after = assets / 100 * 94;
        let vault = self.open(id);
        let shares = mul_div(after, vault.shares, vault.assets);
        let total_shares = self.held(account, id) + shares;
        self.set_vault(id, Vault { assets: vault.assets + after, shares: vault.shares + shares });
        self.set_position((account, id), total_shares);
        self.tell_price(id);
        let receiver = self.addresses[account as usize];
        // One deposit in fifty is paid by somebody else.
        let sender = if self.dice.below(50) == 0 { self.account() } else { account };
        let sender = self.addresses[sender as usize];
        Stake { sender, receiver, vault: id, assets, after_or_fees: after, shares, total_shares }
    }

    /// A redeem of all (40 of 100) or some of the shares, and the vault's price.
    fn burn(&mut self, account: u32, id: VaultId, held: u128) -> Stake {
        let all = self.dice.below(100) < 40;
        let share = 10 + u128::from(self.dice.below(80));
        let shares = if all { held } else { (held / 100 * share).max(1) };
        let vault = self.open(id);
        let gross = mul_div(shares, vault.assets, vault.shares);
        let fees = gross / 50;
        let total_shares = held - shares;
        self.set_vault(id, Vault { assets: vault.assets - gross, shares: vault.shares - shares });
        self.set_position((account, id), total_shares);
        self.tell_price(id);
        let receiver = self.addresses[account as usize];
        Stake {
            sender: receiver,
            receiver,
            vault: id,
            assets: gross - fees,
            after_or_fees: fees,
            shares,
            total_shares,
        }
    }
}

/// An id that nobody computes again: blocks, transactions, accounts.
fn scattered(seed: u64, index: u64) -> Id {
    let mut out = [0; 32];
    for (word, bytes) in (0_u64..).zip(out.chunks_exact_mut(8)) {
        let mixed = hashed(index ^ seed.rotate_left(32) ^ (word << 60), u64::MAX);
        bytes.copy_from_slice(&mixed.to_be_bytes());
    }
    out
}

fn address_of(hash: &Id) -> Address {
    let mut out = [0; 20];
    out.copy_from_slice(&hash[12..]);
    out
}
