//! The step of a segment whose numbers grow about evenly: what is left of them without it is small.

/// In so many parts of the rows it is counted how often what is left changes: what repeats is
/// compressed, so that matters more than how large it is; but of noise one half is as good as
/// another.
const PARTS: usize = 8;

/// The step per row that leaves the least of `numbers`, in whole `unit`s; 0 when none does better
/// or a number that is reckoned with would be wider than 64 bits. Tried are the middle one of the
/// differences between neighbours, which a regular axis with gaps has, and the mean, from which a
/// noisy one strays least.
pub(crate) fn of(numbers: &[Option<i64>], base: i64, unit: i128) -> i64 {
    let rows = numbers.len() as i128;
    // The server reckons with 64 bits.
    let is_safe = |step: &i64| {
        let all = i128::from(*step) * rows;
        i64::try_from(all).is_ok() && i64::try_from(i128::from(base) + all).is_ok()
    };
    let tried = [Some(0), middle(numbers), mean(numbers, unit)].into_iter().flatten();
    // Of equals the first.
    tried.filter(is_safe).min_by_key(|step| left(numbers, base, *step)).unwrap_or(0)
}

/// How often what a step leaves changes, in parts of the rows, and how wide it is.
fn left(numbers: &[Option<i64>], base: i64, step: i64) -> (usize, i128) {
    let (mut changes, mut widest, mut last) = (0, 0, 0);
    for (row, number) in numbers.iter().enumerate() {
        let Some(number) = *number else { continue };
        let rest = i128::from(number) - i128::from(base) - i128::from(step) * row as i128;
        changes += usize::from(rest != last);
        widest = widest.max(rest.abs());
        last = rest;
    }
    (changes * PARTS / numbers.len().max(1), widest)
}

fn middle(numbers: &[Option<i64>]) -> Option<i64> {
    let pairs = numbers.windows(2).filter_map(|pair| pair[1]?.checked_sub(pair[0]?));
    let mut differences: Vec<i64> = pairs.collect();
    let at = differences.len() / 2;
    (at < differences.len()).then(|| *differences.select_nth_unstable(at).1)
}

fn mean(numbers: &[Option<i64>], unit: i128) -> Option<i64> {
    let mut there = numbers.iter().enumerate().filter_map(|(row, number)| Some((row, (*number)?)));
    let (first, last) = (there.next()?, there.next_back()?);
    let rows = (last.0 - first.0) as i128 * unit;
    let difference = i128::from(last.1) - i128::from(first.1);
    i64::try_from((2 * difference + rows).div_euclid(2 * rows) * unit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(numbers: impl IntoIterator<Item = i64>, unit: i128) -> i64 {
        let numbers: Vec<Option<i64>> = numbers.into_iter().map(Some).collect();
        of(&numbers, numbers[0].unwrap(), unit)
    }

    #[test]
    fn a_regular_axis_with_gaps_has_its_own_step() {
        assert_eq!(step((0..2_000).map(|n| n * 100 + n / 700 * 420_000), 1), 100);
        assert_eq!(step([5, 5, 5, 5], 1), 0);
        assert_eq!(step((0..100).map(|n| -3 * n), 1), -3);
    }

    #[test]
    fn a_noisy_axis_has_the_mean_of_all() {
        // The noise of the first two rows says nothing of the others.
        let noise = |n: i64| n * n * 7_919 % 6_007 % 79;
        assert_eq!(step((0..2_000).map(|n| 400_000 * n + 1_000 * noise(n)), 1_000), 400_000);
    }

    #[test]
    fn rows_without_a_number_are_passed_over() {
        let numbers: Vec<Option<i64>> = (0..100).map(|n| (n % 7 != 3).then_some(n * 5)).collect();
        assert_eq!(of(&numbers, 0, 1), 5);
        assert_eq!(of(&[None, None], 0, 1), 0);
        assert_eq!(of(&[None, Some(9)], 9, 1), 0);
        assert_eq!(of(&[], 0, 1), 0);
    }

    #[test]
    fn no_step_leads_beyond_64_bits() {
        for numbers in [[i64::MIN, i64::MAX], [i64::MAX - 5, i64::MAX], [0, i64::MIN]] {
            let step = step(numbers, 1);
            assert!(step.checked_mul(2).and_then(|all| numbers[0].checked_add(all)).is_some());
        }
    }
}
