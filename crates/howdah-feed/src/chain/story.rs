//! A short story of every kind of event, with figures that were worked out by hand: the golden case
//! of the brief, §2.3.

use super::event::{Body, ChainEvent, Place, Stake, VaultId, VaultKind};
use super::event::{atom_id, counter_term, triple_id};
use super::keccak::Id;
use super::{Address, CHAIN_ID, CONTRACT, ONE};

const ALICE: Address = address(0x58da_ce9c_756c_f118, 0x6282_7a47_9ee5_014b, 0x756d_cbd1);
const BOB: Address = address(0x5ef4_3ce0_d311_5f2e, 0x738b_e18a_7e0f_878f, 0x1d4c_03fb);
const FOLLOWS: Id = id([
    0xb28e_3924_4116_0f63,
    0xbc21_039c_e767_262d,
    0x7bbe_3b1e_8598_f958,
    0x9f60_4647_dc3e_65f1,
]);
const OBJECT: Id = id([
    0xb682_d9fd_8427_bdcc,
    0xc008_4f62_2bf9_de38,
    0x99ef_5304_0726_5187,
    0xc3c6_b5d6_46a4_3f08,
]);

/// Alice makes the atom `ipfs://alice`; Bob states that it follows him and stakes on that, which
/// pays a fee to Alice's vault; Alice redeems some of her shares.
#[must_use]
pub fn story() -> Vec<ChainEvent> {
    let alice = atom_id(b"ipfs://alice");
    let parts = [alice, FOLLOWS, OBJECT];
    let triple = triple_id(&parts);
    let atom = vault(alice, VaultKind::Atom);
    let pro = vault(triple, VaultKind::Triple);
    let counter = vault(counter_term(&triple), VaultKind::CounterTriple);
    let wallet = CONTRACT;
    let data = b"ipfs://alice".to_vec();
    let milli = |thousandths: u128| thousandths * ONE / 1_000;
    let minimum = super::MINIMUM_SHARE;
    let first = [ONE, milli(94) + minimum, milli(94) + minimum];
    let of_triple = [ONE, milli(188) + minimum, milli(188) + minimum];
    let with_fee = [1_010_638_297_872_227_252, milli(95) + minimum, milli(94) + minimum];
    let last = [1_010_638_297_872_227_253, 54_574_468_086_110_910, milli(54) + minimum];
    let deposit = stake(ALICE, atom, [milli(100), milli(94), milli(94), milli(94)]);
    let bobs_stake = stake(BOB, pro, [milli(200), milli(188), milli(188), milli(188)]);
    let redeemed = [39_617_021_276_591_309, 808_510_638_297_781, milli(40), milli(54)];
    let created = Body::AtomCreated { term: alice, creator: ALICE, wallet, data };
    [
        (1_902_144, 0x04, price(atom, first)),
        (1_902_144, 0x05, created),
        (1_902_144, 0x06, Body::Deposited(deposit)),
        (1_902_150, 0x10, price(pro, of_triple)),
        (1_902_150, 0x11, price(atom, with_fee)),
        (1_902_150, 0x14, price(counter, [ONE, minimum, minimum])),
        (1_902_150, 0x15, Body::TripleCreated { term: triple, creator: BOB, parts }),
        (1_902_150, 0x16, Body::Deposited(bobs_stake)),
        (1_902_199, 0x02, price(atom, last)),
        (1_902_199, 0x03, Body::Redeemed(stake(ALICE, atom, redeemed))),
    ]
    .map(|(block, log, body)| ChainEvent { place: place(block, log), body })
    .into()
}

fn place(block_number: u64, log_index: u32) -> Place {
    let (block_hash, transaction_hash) = match block_number {
        1_902_144 => ([0x8e; 32], [0xd4; 32]),
        1_902_150 => ([0x4f; 32], [0x07; 32]),
        _ => ([0x1c; 32], [0xa2; 32]),
    };
    Place {
        chain_id: CHAIN_ID,
        address: CONTRACT,
        block_number,
        block_hash,
        // Two seconds a block: 0x690747c0, 0x690747cc, 0x6907482e.
        block_time: 0x6907_47c0 + 2 * (block_number - 1_902_144),
        transaction_hash,
        transaction_index: 0,
        log_index,
    }
}

fn vault(term: Id, kind: VaultKind) -> VaultId {
    VaultId { term, curve: 1, kind }
}

fn price(vault: VaultId, [price, assets, shares]: [u128; 3]) -> Body {
    Body::SharePriceChanged { vault, price, assets, shares }
}

fn stake(account: Address, vault: VaultId, amounts: [u128; 4]) -> Stake {
    let [assets, after_or_fees, shares, total_shares] = amounts;
    Stake { sender: account, receiver: account, vault, assets, after_or_fees, shares, total_shares }
}

const fn address(first: u64, second: u64, third: u32) -> Address {
    let (a, b, c) = (first.to_be_bytes(), second.to_be_bytes(), third.to_be_bytes());
    let mut out = [0; 20];
    let mut at = 0;
    while at < 8 {
        out[at] = a[at];
        out[at + 8] = b[at];
        if at < 4 {
            out[at + 16] = c[at];
        }
        at += 1;
    }
    out
}

const fn id(words: [u64; 4]) -> Id {
    let mut out = [0; 32];
    let mut at = 0;
    while at < 32 {
        out[at] = words[at / 8].to_be_bytes()[at % 8];
        at += 1;
    }
    out
}
