//! Passwords in SQL: where they stand, and how they are kept out of every report.

use std::ops::Range;

use crate::facts::Facts;
use crate::finding::{Finding, Fix, Proof};

/// What stands for a password in a report.
const MASK: &str = "***";

/// The bytes of each password that a statement gives: `password 'x'`, and `password=x` within a
/// connection string.
#[must_use]
pub fn passwords(text: &str) -> Vec<Range<usize>> {
    let lower = text.to_ascii_lowercase();
    let mut found = Vec::new();
    for (at, word) in lower.match_indices("password") {
        let mut start = at + word.len();
        start += blank(&lower[start..]);
        let written_behind = lower[start..].starts_with('=');
        if written_behind {
            start += 1;
            start += blank(&lower[start..]);
        }
        let quoted = lower[start..].starts_with('\'');
        let end = if quoted {
            start += 1;
            lower[start..].find('\'')
        } else if written_behind {
            lower[start..].find(|c: char| c.is_whitespace() || c == '\'')
        } else {
            continue;
        };
        let end = end.map_or(text.len(), |length| start + length);
        if end > start {
            found.push(start..end);
        }
    }
    found
}

fn blank(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

/// Takes the passwords out of a text.
pub(crate) fn mask(text: &mut String) {
    for span in passwords(text).into_iter().rev() {
        text.replace_range(span, MASK);
    }
}

/// Takes the passwords out of the texts and of the findings; places stay as they are.
pub(crate) fn conceal(facts: &mut Facts, findings: &mut [Finding]) {
    let mut secrets: Vec<String> = Vec::new();
    for file in &mut facts.files {
        if !file.text.to_ascii_lowercase().contains("password") {
            continue;
        }
        for span in passwords(&file.text) {
            secrets.push(file.text[span.clone()].to_owned());
            file.text.replace_range(span.clone(), &"*".repeat(span.len()));
        }
    }
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.dedup();
    for finding in findings {
        let mut texts: Vec<&mut String> = vec![&mut finding.message];
        texts.extend(&mut finding.detail);
        texts.extend(&mut finding.hint);
        if let Proof::Proved(reproducer) = &mut finding.proof {
            texts.push(&mut reproducer.sql);
        }
        if let Some(Fix::After(sql) | Fix::Instead(_, sql)) = &mut finding.fix {
            texts.extend(sql);
        }
        texts.extend(&mut finding.later);
        for text in texts {
            mask(text);
            for secret in &secrets {
                if text.contains(&format!("'{secret}'")) {
                    *text = text.replace(secret.as_str(), MASK);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_found_where_they_stand() {
        let found = |text: &str| -> Vec<String> {
            passwords(text).into_iter().map(|span| text[span].to_owned()).collect()
        };
        assert_eq!(found("create role a PASSWORD 'x y'"), ["x y"]);
        assert_eq!(found("options (user 'a', password 'b')"), ["b"]);
        assert_eq!(found("connection 'host=h password=s3 dbname=d'"), ["s3"]);
        assert_eq!(found("create table a (password text default 'none')"), Vec::<String>::new());
        assert_eq!(found("alter role a password null"), Vec::<String>::new());
    }
}
