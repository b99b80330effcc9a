//! The five events of the contract, and the messages that carry them.

use std::fmt::Write as _;

use super::keccak::{Id, keccak256};
use super::{Address, hex};

/// Where an event stands on its chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The chain.
    pub chain_id: u64,
    /// The contract.
    pub address: Address,
    /// The block's number.
    pub block_number: u64,
    /// The block's hash.
    pub block_hash: Id,
    /// The block's time in seconds since 1970.
    pub block_time: u64,
    /// The transaction.
    pub transaction_hash: Id,
    /// The transaction's place in the block.
    pub transaction_index: u32,
    /// The event's place in the block.
    pub log_index: u32,
}

/// An event of the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainEvent {
    /// Where it stands.
    pub place: Place,
    /// What it says.
    pub body: Body,
}

/// What an event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A new entity.
    AtomCreated {
        /// Its id.
        term: Id,
        /// Who made it.
        creator: Address,
        /// Its wallet.
        wallet: Address,
        /// Any bytes.
        data: Vec<u8>,
    },
    /// A new statement.
    TripleCreated {
        /// Its id.
        term: Id,
        /// Who made it.
        creator: Address,
        /// Subject, predicate, object.
        parts: [Id; 3],
    },
    /// Shares were minted.
    Deposited(Stake),
    /// Shares were burnt.
    Redeemed(Stake),
    /// A vault is worth something else.
    SharePriceChanged {
        /// The vault.
        vault: VaultId,
        /// Assets for 10^18 shares.
        price: u128,
        /// Assets of the vault.
        assets: u128,
        /// Shares of the vault.
        shares: u128,
    },
}

/// A vault: a term and a curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VaultId {
    /// The term.
    pub term: Id,
    /// The bonding curve.
    pub curve: u128,
    /// What the term is.
    pub kind: VaultKind,
}

/// What a vault's term is, as the contract numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VaultKind {
    /// 0.
    Atom,
    /// 1.
    Triple,
    /// 2.
    CounterTriple,
}

impl VaultKind {
    /// Its name in the store.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Atom => "Atom",
            Self::Triple => "Triple",
            Self::CounterTriple => "CounterTriple",
        }
    }
}

/// What a deposit or a redeem says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stake {
    /// Who acts.
    pub sender: Address,
    /// Whose position changes.
    pub receiver: Address,
    /// The vault.
    pub vault: VaultId,
    /// Gross for a deposit, net for a redeem.
    pub assets: u128,
    /// A deposit: what is left of the assets; a redeem: the fees.
    pub after_or_fees: u128,
    /// Minted or burnt.
    pub shares: u128,
    /// The receiver's shares after it.
    pub total_shares: u128,
}

/// The counter term of a triple.
#[must_use]
pub fn counter_term(triple: &Id) -> Id {
    keccak256(&[&keccak256(&[b"COUNTER_SALT"]), triple])
}

/// The id of an atom.
#[must_use]
pub fn atom_id(data: &[u8]) -> Id {
    keccak256(&[&keccak256(&[b"ATOM_SALT"]), &keccak256(&[data])])
}

/// The id of a triple.
#[must_use]
pub fn triple_id(parts: &[Id; 3]) -> Id {
    let [subject, predicate, object] = parts;
    keccak256(&[&keccak256(&[b"TRIPLE_SALT"]), subject, predicate, object])
}

/// The kinds of events, in the order of [`STREAMS`].
pub const NAMES: [&str; 5] =
    ["AtomCreated", "TripleCreated", "Deposited", "Redeemed", "SharePriceChanged"];

/// The Redis streams of the kinds.
pub const STREAMS: [&str; 5] = [
    "intuition_testnet_atom_created",
    "intuition_testnet_triple_created",
    "intuition_testnet_deposited",
    "intuition_testnet_redeemed",
    "intuition_testnet_share_price_changed",
];

/// The hashes of the kinds' signatures.
pub const SIGNATURES: [&str; 5] = [
    "0xfd579ad7468b1720e08f84efe16900074f3ffdaaeaa82e675e5aec69bf393189",
    "0xf13505b910c49b286cf7fbaf1a78620cf7d8bda0e8e39c1baed620c08af686e7",
    "0xf717428d3271f4ca44ee92a96ecda708463de1c200f30db4e295def5e8db6b4a",
    "0x5ab85658e5658520d47644e1417584159fc8edb9712149792a9337ff5e1048a4",
    "0xcc9bc63a4b047be4850fcbada8d7ed7aa097ed4f6c3b55bebc7e108ea1d2f824",
];

const NETWORK: &str = "intuition-testnet";

impl ChainEvent {
    /// Which kind it is: an index into [`NAMES`].
    #[must_use]
    pub fn kind(&self) -> usize {
        match self.body {
            Body::AtomCreated { .. } => 0,
            Body::TripleCreated { .. } => 1,
            Body::Deposited(_) => 2,
            Body::Redeemed(_) => 3,
            Body::SharePriceChanged { .. } => 4,
        }
    }

    /// Block and log index: what orders events.
    #[must_use]
    pub fn order(&self) -> (u64, u32) {
        (self.place.block_number, self.place.log_index)
    }

    /// The event as an element of a message's array.
    #[must_use]
    pub fn json(&self) -> String {
        let mut out = String::with_capacity(900);
        match &self.body {
            Body::AtomCreated { term, creator, wallet, data } => {
                text(&mut out, "atomData", &hex(data));
                address(&mut out, "atomWallet", wallet);
                address(&mut out, "creator", creator);
                text(&mut out, "termId", &hex(term));
            }
            Body::TripleCreated { term, creator, parts: [subject, predicate, object] } => {
                address(&mut out, "creator", creator);
                text(&mut out, "objectId", &hex(object));
                text(&mut out, "predicateId", &hex(predicate));
                text(&mut out, "subjectId", &hex(subject));
                text(&mut out, "termId", &hex(term));
            }
            Body::Deposited(stake) => stake_json(&mut out, stake, "assetsAfterFees"),
            Body::Redeemed(stake) => stake_json(&mut out, stake, "fees"),
            Body::SharePriceChanged { vault, price, assets, shares } => {
                number(&mut out, "curveId", vault.curve);
                number(&mut out, "sharePrice", *price);
                text(&mut out, "termId", &hex(&vault.term));
                number(&mut out, "totalAssets", *assets);
                number(&mut out, "totalShares", *shares);
                bare(&mut out, "vaultType", vault.kind as u64);
            }
        }
        self.place.json(&mut out);
        out.push('}');
        out
    }
}

fn stake_json(out: &mut String, stake: &Stake, other: &str) {
    number(out, "assets", stake.assets);
    number(out, other, stake.after_or_fees);
    number(out, "curveId", stake.vault.curve);
    address(out, "receiver", &stake.receiver);
    address(out, "sender", &stake.sender);
    number(out, "shares", stake.shares);
    text(out, "termId", &hex(&stake.vault.term));
    number(out, "totalShares", stake.total_shares);
    bare(out, "vaultType", stake.vault.kind as u64);
}

impl Place {
    fn json(&self, out: &mut String) {
        out.push_str(",\"transaction_information\":");
        let mut inner = String::with_capacity(480);
        address(&mut inner, "address", &self.address);
        text(&mut inner, "block_hash", &format!("0x{}", hex(&self.block_hash)));
        bare(&mut inner, "block_number", self.block_number);
        text(&mut inner, "block_timestamp", &format!("{:#x}", self.block_time));
        bare(&mut inner, "chain_id", self.chain_id);
        text(&mut inner, "log_index", &format!("{:#x}", self.log_index));
        text(&mut inner, "network", NETWORK);
        text(&mut inner, "transaction_hash", &format!("0x{}", hex(&self.transaction_hash)));
        bare(&mut inner, "transaction_index", u64::from(self.transaction_index));
        out.push_str(&inner);
        out.push('}');
    }
}

/// A message of the producer: events of one kind, as their JSON, and the blocks that it names.
#[must_use]
pub fn message(kind: usize, events: &[String], blocks: (u64, u64), chunk: usize) -> String {
    let name = NAMES[kind];
    let mut out = String::with_capacity(400 + events.iter().map(String::len).sum::<usize>());
    out.push_str("{\"event_data\":[");
    for (index, event) in events.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str(event);
    }
    // Writing to a text cannot fail.
    let _ = write!(
        out,
        "],\"event_name\":\"{name}\",\"event_signature_hash\":\"{}\",\"message_id\":\
         \"rindexer_stream__-multivault-{}-{NETWORK}-{}-{}-chunk-{chunk}\",\
         \"network\":\"{NETWORK}\"}}",
        SIGNATURES[kind],
        name.to_lowercase(),
        blocks.0,
        blocks.1,
    );
    out
}

/// What newer producers say on every stream when blocks from `fork` on are replaced.
#[must_use]
pub fn reorganisation(fork: u64, depth: u64) -> String {
    format!(
        "{{\"event_data\":[{{\"affected_events\":[],\"affected_tx_hashes\":[],\
         \"depth\":{depth},\"events_deleted\":0,\"fork_block\":{fork},\
         \"network\":\"{NETWORK}\",\"type\":\"reorg\"}}],\
         \"event_name\":\"__rindexer_reorg\",\"event_signature_hash\":\"0x{}\",\
         \"message_id\":\"rindexer_stream__-reorg-{NETWORK}-{fork}\",\
         \"network\":\"{NETWORK}\"}}",
        "0".repeat(64)
    )
}

fn key(out: &mut String, name: &str) {
    out.push(if out.is_empty() { '{' } else { ',' });
    let _ = write!(out, "\"{name}\":");
}

fn text(out: &mut String, name: &str, value: &str) {
    key(out, name);
    let _ = write!(out, "\"{value}\"");
}

fn number(out: &mut String, name: &str, value: u128) {
    key(out, name);
    let _ = write!(out, "\"{value}\"");
}

fn bare(out: &mut String, name: &str, value: u64) {
    key(out, name);
    let _ = write!(out, "{value}");
}

fn address(out: &mut String, name: &str, value: &Address) {
    key(out, name);
    let _ = write!(out, "\"0x{}\"", hex(value));
}
