//! The rules, a folder a group and a file a rule.
//!
//! A rule's file begins with its documentation, in which the blocks ```` ```sql,invalid ```` and
//! ```` ```sql,valid ```` are run by the tests: the first must be found, exactly once, the second
//! must not. The lists of the groups are written by `cargo xtask rules` from the folders.

mod audit;
mod build;
mod indexes;
mod keys;
mod locks;
mod operations;
mod queries;
mod routines;
mod security;
mod settings;
mod source;
mod timeseries;
mod types;

use crate::rule::Rule;

/// Every rule, in the order of the codes.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    [
        build::RULES,
        locks::RULES,
        types::RULES,
        indexes::RULES,
        keys::RULES,
        queries::RULES,
        routines::RULES,
        security::RULES,
        audit::RULES,
        settings::RULES,
        operations::RULES,
        timeseries::RULES,
        source::RULES,
    ]
    .into_iter()
    .flatten()
}

/// The rule of that name or code.
#[must_use]
pub fn find(name: &str) -> Option<&'static Rule> {
    all().find(|rule| rule.name == name || rule.code.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::rule::Group;

    #[test]
    fn rules_are_named_and_documented() {
        let mut seen = HashSet::new();
        for rule in all() {
            assert!(seen.insert(rule.code) && seen.insert(rule.name), "{}: twice", rule.code);
            let number = rule.code.strip_prefix("HR").and_then(|n| n.parse::<u16>().ok());
            let group = number.map(|number| number / 100);
            assert_eq!(group, Some(rule.group as u16), "{}: not of its group", rule.code);
            let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(rule.name.chars().all(kebab), "{}", rule.name);
            let documentation = rule.documentation();
            for part in ["\n## Why\n", "\n## Instead\n"] {
                assert!(documentation.contains(part), "{}: no{part}", rule.name);
            }
            let examples = rule.examples();
            assert!(examples.iter().any(|e| e.invalid), "{}: nothing invalid", rule.name);
            assert!(examples.iter().any(|e| !e.invalid), "{}: nothing valid", rule.name);
        }
        assert_eq!(Group::ALL.len(), Group::ALL.iter().collect::<HashSet<_>>().len());
    }
}
