//! Names in the order in which people count them: `v1.9` before `v1.10`.

/// A key that sorts numbers within names by their value.
pub(super) fn natural(path: &str) -> Vec<(u128, String)> {
    let mut key = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let text_end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (text, after) = rest.split_at(text_end);
        let digits_end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let (digits, after) = after.split_at(digits_end);
        // Text first: of names that differ before their number the text decides.
        key.push((0, text.to_owned()));
        key.push((digits.parse().unwrap_or(u128::MAX), digits.to_owned()));
        rest = after;
    }
    key
}

#[cfg(test)]
mod tests {
    use super::natural;

    #[test]
    fn numbers_are_compared_by_value() {
        let mut names = ["v1.10/a.sql", "v1.9/a.sql", "v1.9/b.sql", "b2.sql", "b10.sql"];
        names.sort_by_cached_key(|name| natural(name));
        assert_eq!(names, ["b2.sql", "b10.sql", "v1.9/a.sql", "v1.9/b.sql", "v1.10/a.sql"]);
    }
}
