//! "Did you mean": the name nearest to a mistyped one.

/// The nearest of `known` to `name`, when it is near enough to be meant.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).clamp(1, 3);
    let known: Vec<&str> = known.into_iter().filter(|candidate| *candidate != name).collect();
    let lower = name.to_lowercase();
    known
        .iter()
        .map(|candidate| (distance(&lower, &candidate.to_lowercase()), *candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
        // A name that was left half-written: executed for executed_at.
        .or_else(|| {
            known.into_iter().find(|candidate| lower.len() >= 4 && candidate.starts_with(&lower))
        })
}

/// A hint: the nearest name if there is one, else all of them (`what` in the plural).
pub(crate) fn hint<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
    what: &str,
) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(near) = nearest(name, known.iter().copied()) {
        return Some(format!("Did you mean \"{near}\"?"));
    }
    if known.is_empty() {
        return None;
    }
    // A long list helps nobody.
    let shown = known.iter().take(30).copied().collect::<Vec<_>>().join(", ");
    let more = if known.len() > 30 { ", …" } else { "" };
    Some(format!("The {what} are {shown}{more}."))
}

/// The number of insertions, deletions and substitutions from `a` to `b` (Levenshtein 1966).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested_and_far_ones_not() {
        assert_eq!(nearest("keyy", ["time", "key", "keep"]), Some("key"));
        assert_eq!(nearest("Symbol", ["symbol"]), Some("symbol"));
        assert_eq!(nearest("executed", ["executed_at"]), Some("executed_at"));
        assert_eq!(nearest("abc", ["xyz"]), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
