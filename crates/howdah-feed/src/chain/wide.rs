//! Products of 128-bit amounts, which need 256 bits, and their quotients.

/// `a * b / c`, rounded down; the largest amount when it does not fit.
pub(super) fn mul_div(a: u128, b: u128, c: u128) -> u128 {
    divided(a, b, c).0
}

/// `a * b / c`, half up.
pub(super) fn mul_div_round(a: u128, b: u128, c: u128) -> u128 {
    let (quotient, rest) = divided(a, b, c);
    quotient.saturating_add(u128::from(rest >= c - c / 2))
}

fn divided(a: u128, b: u128, c: u128) -> (u128, u128) {
    let (high, low) = product(a, b);
    if high >= c {
        return (u128::MAX, 0);
    }
    if high == 0 {
        return (low / c, low % c);
    }
    // Bit by bit, as by hand; the rest stays below c, so one doubling overflows by one bit at most.
    let (mut quotient, mut rest) = (0_u128, high);
    for place in (0..128).rev() {
        let over = rest >> 127 == 1;
        rest = rest << 1 | (low >> place & 1);
        quotient <<= 1;
        if over || rest >= c {
            rest = rest.wrapping_sub(c);
            quotient |= 1;
        }
    }
    (quotient, rest)
}

fn product(a: u128, b: u128) -> (u128, u128) {
    const HALF: u128 = (1 << 64) - 1;
    let (a_high, a_low, b_high, b_low) = (a >> 64, a & HALF, b >> 64, b & HALF);
    let low = a_low * b_low;
    let middle = a_high * b_low + (low >> 64);
    let other = a_low * b_high + (middle & HALF);
    (a_high * b_high + (middle >> 64) + (other >> 64), other << 64 | (low & HALF))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_are_exact() {
        assert_eq!(mul_div(7, 5, 3), 11);
        assert_eq!(mul_div(u128::MAX, u128::MAX, u128::MAX), u128::MAX);
        assert_eq!(mul_div(u128::MAX, 6, 9), u128::MAX / 3 * 2);
        assert_eq!(mul_div_round(3, 1, 2), 2);
        assert_eq!(mul_div_round(1, 1, 3), 0);
        // The vault of Alice in the brief: half up, where truncation would give …909.
        let price = 1_010_638_297_872_227_253;
        assert_eq!(
            mul_div_round(54_000_000_001_000_000, price, 1_000_000_000_000_000_000),
            54_574_468_086_110_910
        );
    }
}
