//! Keccak-256 as Ethereum has it: the permutation of FIPS 202 with the padding of before it.

/// A 32-byte id: a term, a block, a transaction.
pub type Id = [u8; 32];

const RATE: usize = 136;

const CONSTANTS: [u64; 24] = [
    0x0000_0000_0000_0001,
    0x0000_0000_0000_8082,
    0x8000_0000_0000_808a,
    0x8000_0000_8000_8000,
    0x0000_0000_0000_808b,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8009,
    0x0000_0000_0000_008a,
    0x0000_0000_0000_0088,
    0x0000_0000_8000_8009,
    0x0000_0000_8000_000a,
    0x0000_0000_8000_808b,
    0x8000_0000_0000_008b,
    0x8000_0000_0000_8089,
    0x8000_0000_0000_8003,
    0x8000_0000_0000_8002,
    0x8000_0000_0000_0080,
    0x0000_0000_0000_800a,
    0x8000_0000_8000_000a,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8080,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8008,
];

/// Rotation of the lane x + 5y: FIPS 202, §3.2.2.
const TURNS: [u32; 25] =
    [0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14];

/// The hash of `parts`, one behind the other.
#[must_use]
pub fn keccak256(parts: &[&[u8]]) -> Id {
    let mut lanes = [0_u64; 25];
    let mut block = [0_u8; RATE];
    let mut filled = 0;
    for byte in parts.iter().flat_map(|part| part.iter()) {
        block[filled] = *byte;
        filled += 1;
        if filled == RATE {
            absorb(&mut lanes, &block);
            block = [0; RATE];
            filled = 0;
        }
    }
    block[filled] = 1;
    block[RATE - 1] |= 0x80;
    absorb(&mut lanes, &block);
    let mut out = [0; 32];
    for (bytes, lane) in out.chunks_exact_mut(8).zip(&lanes) {
        bytes.copy_from_slice(&lane.to_le_bytes());
    }
    out
}

fn absorb(lanes: &mut [u64; 25], block: &[u8; RATE]) {
    for (lane, bytes) in lanes.iter_mut().zip(block.chunks_exact(8)) {
        let mut word = [0; 8];
        word.copy_from_slice(bytes);
        *lane ^= u64::from_le_bytes(word);
    }
    for constant in CONSTANTS {
        round(lanes, constant);
    }
}

fn round(lanes: &mut [u64; 25], constant: u64) {
    let mut parity = [0; 5];
    for (index, lane) in lanes.iter().enumerate() {
        parity[index % 5] ^= lane;
    }
    let mut moved = [0; 25];
    for (index, lane) in lanes.iter().enumerate() {
        let (x, y) = (index % 5, index / 5);
        let mixed = lane ^ parity[(x + 4) % 5] ^ parity[(x + 1) % 5].rotate_left(1);
        moved[y + 5 * ((2 * x + 3 * y) % 5)] = mixed.rotate_left(TURNS[index]);
    }
    for (index, lane) in lanes.iter_mut().enumerate() {
        let (x, row) = (index % 5, index / 5 * 5);
        *lane = moved[index] ^ (!moved[row + (x + 1) % 5] & moved[row + (x + 2) % 5]);
    }
    lanes[0] ^= constant;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::hex;

    #[test]
    fn hashes_are_those_of_the_chain() {
        assert_eq!(
            hex(&keccak256(&[])),
            "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
        );
        let long = "a".repeat(300);
        assert_eq!(
            hex(&keccak256(&[b"TransferX", long.as_bytes()])),
            "0242986c33bfb85e51329b0cba829eff95eac5fdd821163a173fa8327b7354fb"
        );
    }
}
