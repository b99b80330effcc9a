//! Events as the cases of the brief write them: `D@b(a,s→T)`, `R@b(s,a→T)`, `P@b(p)`.

use howdah_feed::chain::{
    Address, Body, CONTRACT, ChainEvent, Id, ONE, Place, Stake, VaultId, VaultKind, keccak256,
};

/// The brief's account.
pub const A: Address = [
    0x74, 0x2d, 0x35, 0xcc, 0x66, 0x34, 0xc0, 0x53, 0x29, 0x25, 0xa3, 0xb8, 0x44, 0xbc, 0x9e, 0x75,
    0x95, 0xf0, 0xbe, 0xb0,
];

/// The term 0x00…n.
pub const fn term(n: u8) -> Id {
    let mut id = [0; 32];
    id[31] = n;
    id
}

/// The account 0x00…n.
pub fn account(n: u8) -> Address {
    let mut address = [0; 20];
    address[19] = n;
    address
}

/// Events of one deployment: a case has a chain of its own, so that many go in one run.
#[derive(Debug, Clone, Copy)]
pub struct On {
    pub chain: u64,
    pub account: Address,
    pub term: Id,
    pub curve: u128,
    pub log: u32,
}

impl On {
    /// The brief's usual account, term and curve on a chain.
    pub fn chain(chain: u64) -> Self {
        Self { chain, account: A, term: term(1), curve: 0, log: 0 }
    }

    pub fn by(self, account: Address) -> Self {
        Self { account, ..self }
    }

    pub fn term(self, term: Id) -> Self {
        Self { term, ..self }
    }

    pub fn curve(self, curve: u128) -> Self {
        Self { curve, ..self }
    }

    pub fn log(self, log: u32) -> Self {
        Self { log, ..self }
    }

    fn at(self, block: u64, body: Body) -> ChainEvent {
        let block_hash = keccak256(&[b"block", &self.chain.to_be_bytes(), &block.to_be_bytes()]);
        let transaction_hash = keccak256(&[&block_hash, &self.log.to_be_bytes()]);
        let place = Place {
            chain_id: self.chain,
            address: CONTRACT,
            block_number: block,
            block_hash,
            block_time: 1_760_000_000 + 2 * block,
            transaction_hash,
            transaction_index: 0,
            log_index: self.log,
        };
        ChainEvent { place, body }
    }

    fn vault(self) -> VaultId {
        VaultId { term: self.term, curve: self.curve, kind: VaultKind::Atom }
    }

    fn stake(self, assets: u128, other: u128, shares: u128, total_shares: u128) -> Stake {
        Stake {
            sender: self.account,
            receiver: self.account,
            vault: self.vault(),
            assets,
            after_or_fees: other,
            shares,
            total_shares,
        }
    }

    /// `D@b(a,s→T)`.
    pub fn d(self, block: u64, assets: u128, shares: u128, total: u128) -> ChainEvent {
        self.at(block, Body::Deposited(self.stake(assets, assets, shares, total)))
    }

    /// `R@b(s,a→T)`.
    pub fn r(self, block: u64, shares: u128, assets: u128, total: u128) -> ChainEvent {
        self.at(block, Body::Redeemed(self.stake(assets, 0, shares, total)))
    }

    /// `P@b(p)`.
    pub fn p(self, block: u64, price: u128) -> ChainEvent {
        let vault = self.vault();
        self.at(block, Body::SharePriceChanged { vault, price, assets: ONE, shares: ONE })
    }

    pub fn atom(self, block: u64) -> ChainEvent {
        let data = b"atom".to_vec();
        let body = Body::AtomCreated { term: self.term, creator: A, wallet: self.account, data };
        self.at(block, body)
    }

    pub fn triple(self, block: u64, parts: [Id; 3]) -> ChainEvent {
        self.at(block, Body::TripleCreated { term: self.term, creator: A, parts })
    }

    /// The same vault, told to be of that kind.
    pub fn of_kind(mut event: ChainEvent, of: VaultKind) -> ChainEvent {
        match &mut event.body {
            Body::Deposited(stake) | Body::Redeemed(stake) => stake.vault.kind = of,
            Body::SharePriceChanged { vault, .. } => vault.kind = of,
            _ => {}
        }
        event
    }
}
